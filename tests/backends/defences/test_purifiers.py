"""Trained purifiers: the bundled denoiser, and diffusion models with a known optimal prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter

from bench.codec import Randomised
from bench.defence import Layer
from bench.errors import ConfigError
from bench.images import image_set as images
from bench.images.image_set import ImageSpec
from bench.metrics.scores import psnr
from bench.models import checkpoint, zoo
from bench.models.denoiser import Denoiser
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve
from bench.tensors import to_tensor
from bench.training.recipe import Recipe
from bench.utils.yaml_config import load
from bench.wrapping import drawn
from paths import ROOT

WEIGHTS = ROOT / "backends/defences/weights/denoiser-small.safetensors"
IDENTITY = ComponentSpec("identity")


def _behind(name, **params):
    choice = resolve("defence", ComponentSpec(name, tuple(params.items())))
    return instantiate("defence", choice)(instantiate("codec", IDENTITY))


def _back(codec, image):
    return codec.decode(codec.encode(image))


def _diffused(weights, seed=0, **params):
    plugins.load(str(weights.with_name("grey.py")), Path())
    codec = _behind("diffuse", model="grey:Grey", checkpoint=str(weights), **params)
    assert isinstance(codec, Randomised)
    return drawn(codec, np.random.default_rng(seed))


def _slope(codec, levels=128):
    """Return the slope of the output for one value, from the gradient that an attack follows."""
    picture = torch.full((1, 3, 8, 8), levels / 255, requires_grad=True)
    layer: Layer = codec._layer
    (slope,) = torch.autograd.grad(layer.relaxed_before(picture)[0, 0, 4, 4], picture)
    return float(slope[0, 0, 4, 4])


def test_unsharp_adds_what_a_blur_takes_away():
    (picture, *_) = images.load(ImageSpec(set="sample", limit=1), Path())
    values = picture.pixels.astype(float)
    blurred = gaussian_filter(values, (1.5, 1.5, 0), truncate=3.0, mode="nearest")
    expected = (values + 0.7 * (values - blurred)).clip(0, 255)
    found = _back(_behind("unsharp", amount=0.7, sigma=1.5), picture.pixels)
    inside = (slice(8, -8), slice(8, -8))
    assert np.abs(found[inside] - expected[inside]).max() <= 0.51


def test_noise_has_its_strength_and_another_draw_for_every_picture():
    codec = _behind("noise", sigma=4.0)
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert isinstance(codec, Randomised)
    rng = np.random.default_rng(0)
    first, second = (_back(drawn(codec, rng), grey).astype(int) for _ in range(2))
    for picture in (first, second):
        assert abs(picture.mean() - 128) < 0.2
        assert (picture - 128).std() == pytest.approx(4, rel=0.03)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05
    again = _back(drawn(codec, np.random.default_rng(0)), grey)
    assert (again == first).all()


def test_the_bundled_denoiser_takes_noise_out_and_leaves_pictures_alone():
    codec = _behind("denoise")
    rng = np.random.default_rng(0)
    for picture in images.load(ImageSpec(set="sample"), Path()):
        noise = np.rint(rng.normal(0, 5.6, picture.pixels.shape)).clip(-8, 8)
        noisy = (picture.pixels + noise).clip(0, 255).astype(np.uint8)
        assert psnr(picture.pixels, _back(codec, noisy)) > psnr(picture.pixels, noisy) + 1
        assert psnr(picture.pixels, _back(codec, picture.pixels)) > 34


def test_the_bundled_denoiser_is_small_and_says_how_it_was_made():
    assert WEIGHTS.stat().st_size < 300_000
    card = checkpoint.read(WEIGHTS).card
    assert card.architecture == "denoiser"
    assert card.recipe_sha256 == load(WEIGHTS.with_suffix(".yaml"), Recipe).sha256
    assert card.rate_distortion["sample"].bpp == 0
    assert "denoiser-small" not in zoo.cards()


def test_a_new_denoiser_leaves_a_picture_as_it_is():
    noisy = torch.rand(2, 3, 7, 5)
    assert torch.equal(Denoiser(4)(noisy)["x_hat"], noisy)


def test_weights_of_a_codec_are_no_denoiser():
    codec = WEIGHTS.parents[2] / "zoo/bmshj2018-factorized-small-q1.safetensors"
    with pytest.raises(ConfigError, match="architecture: bmshj2018-factorized"):
        _behind("denoise", checkpoint=str(codec))


@pytest.mark.parametrize(("time", "stride"), [(1000, 100), (150, 10), (7, 3)])
def test_a_model_of_one_grey_makes_everything_that_grey(time, stride, grey_diffusion, photograph):
    save_file({"mean": torch.full((1,), 0.2), "spread": torch.zeros(1)}, grey_diffusion)
    codec = _diffused(grey_diffusion, time=time, stride=stride)
    assert (_back(codec, photograph("coffee", 20, 70)) == round(0.6 * 255)).all()
    assert _slope(codec) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_the_gradient_of_one_step_is_that_of_the_best_guess(spread, grey_diffusion):
    """For a normal value in noise, the optimal prediction is linear in the observation."""
    save_file({"mean": torch.zeros(1), "spread": torch.full((1,), spread)}, grey_diffusion)
    kept = float((1 - torch.linspace(1e-4, 0.02, 1000).double())[:150].prod())
    known = kept * spread**2 / (kept * spread**2 + 1 - kept)
    codec = _diffused(grey_diffusion, time=150, stride=150)
    assert _slope(codec) == pytest.approx(known, rel=1e-3)


def test_the_gradient_goes_through_every_step(grey_diffusion):
    """Values are independent here: the slope is the difference of two pictures."""
    save_file({"mean": torch.zeros(1), "spread": torch.full((1,), 0.3)}, grey_diffusion)
    layer = _diffused(grey_diffusion, time=150, stride=10)._layer
    low, high = (torch.full((1, 3, 8, 8), level) for level in (0.45, 0.55))
    with torch.no_grad():
        moved = layer.filtered(high) - layer.filtered(low)
    slope = float(moved[0, 0, 4, 4]) / 0.1
    assert 0.1 < slope < 0.9
    assert _slope(_diffused(grey_diffusion, time=150, stride=10)) == pytest.approx(slope, rel=1e-3)


def test_the_noise_is_the_seeds_and_the_same_for_every_picture_of_a_batch(
    grey_diffusion, photograph
):
    first, same, other = (_diffused(grey_diffusion, seed, time=50) for seed in (1, 1, 2))
    picture = to_tensor(photograph("coffee", 20, 70))
    alone = first._layer.filtered(picture)
    assert torch.equal(alone, same._layer.filtered(picture))
    assert not torch.equal(alone, other._layer.filtered(picture))
    both = first._layer.filtered(torch.cat([picture.flip(-1), picture]))
    assert torch.allclose(both[1:], alone, atol=1e-6)


def test_what_is_wrong_with_a_diffusion_model_is_told(grey_diffusion):
    weights = str(grey_diffusion)
    with pytest.raises(ConfigError, match="runs code of 'grey'; name that module or file"):
        _behind("diffuse", model="grey:Grey", checkpoint=weights)
    plugins.load(str(grey_diffusion.with_name("grey.py")), Path())
    with pytest.raises(ConfigError, match="'grey' has no Module 'Gray'"):
        _behind("diffuse", model="grey:Gray", checkpoint=weights)
    save_file({"mean": torch.zeros(1)}, grey_diffusion)
    with pytest.raises(ConfigError, match="does not hold the weights of grey:Grey"):
        _behind("diffuse", model="grey:Grey", checkpoint=weights)
