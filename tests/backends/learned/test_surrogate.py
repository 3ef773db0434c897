from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from compressai.entropy_models import EntropyModel
from compressai.latent_codecs import CheckerboardLatentCodec
from compressai.models import FactorizedPrior, ScaleHyperprior
from torch import nn

from attacks.gradient.pgd import IFGSM
from attacks.objectives.basic import Rate
from backends import CODECS
from backends.learned.surrogates.entropy_models import CostedBottleneck
from backends.learned.surrogates.views import rate_view, rd_view, reconstruction_view
from bench.budget import Linf
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.models.architectures import LATENT_CODECS
from bench.tensors import to_tensor
from nets import without_tables
from slopes import slopes_along

ARCHITECTURES = [
    name for name, entry in CODECS.items() if "compressai" in entry.target and entry.preset
]
AUTOREGRESSIVE = ["mbt2018", "cheng2020-anchor", "cheng2020-attn"]
SAME_ROUNDING = [name for name in ARCHITECTURES if name not in AUTOREGRESSIVE]
NEEDS_HYPER_PATH = ["mbt2018-mean", *LATENT_CODECS]
WITHOUT_MEANS = [name for name in ARCHITECTURES if name not in NEEDS_HYPER_PATH]


@pytest.fixture
def images(photograph):
    return to_tensor(photograph("chelsea", 64, 128))


def _decoded(net, images):
    coded = net.compress(images)
    return net.decompress(coded["strings"], coded["shape"])["x_hat"]


@pytest.mark.parametrize("architecture", SAME_ROUNDING)
def test_the_reconstruction_is_what_is_really_decoded(architecture, small_net, images):
    net = small_net(architecture)
    reconstruction = reconstruction_view(net)(images)["x_hat"].clamp(0, 1)
    assert torch.allclose(reconstruction, _decoded(net, images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("architecture", AUTOREGRESSIVE)
def test_the_reconstruction_is_close_where_the_coder_rounds_elsewhere(
    architecture, small_net, images
):
    """They round y in forward and y - mean in coding: each latent may differ by one level.

    Measured here: 0.020 to 0.026 root mean square, on pictures whose deviation is 0.26.
    """
    net = small_net(architecture)
    decoded = _decoded(net, images)
    error = reconstruction_view(net)(images)["x_hat"].clamp(0, 1) - decoded
    assert 0 < error.square().mean().sqrt() < 0.15 * decoded.std()


@pytest.mark.parametrize("architecture", SAME_ROUNDING)
def test_a_codec_crops_its_reconstruction_as_it_crops_its_picture(
    architecture, small_codec, photograph
):
    image, codec = photograph("coffee", 17, 33), small_codec(architecture)
    levels = codec.reconstruct(to_tensor(image))[0].permute(1, 2, 0).clamp(0, 1) * 255
    error = levels.numpy() - codec.decode(codec.encode(image))
    assert np.abs(error).max() < 0.501


@contextmanager
def _forbidden(modules):
    def refuse(module, _):
        pytest.fail(f"{type(module).__name__} ran, which this half does not need")

    hooks = [module.register_forward_pre_hook(refuse) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_rate_half_never_runs_the_decoder(architecture, small_net, images):
    net = small_net(architecture)
    with _forbidden([net.g_s]):
        rate_view(net)(images)
    with _forbidden([net.g_s]), pytest.raises(pytest.fail.Exception):
        rd_view(net)(images)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_reconstruction_half_never_runs_the_entropy_model(architecture, small_net, images):
    net = small_net(architecture)
    unused = [module for module in net.modules() if isinstance(module, EntropyModel)]
    if architecture in WITHOUT_MEANS:
        hyper = ("h_a", "h_s", "context_prediction", "entropy_parameters")
        unused += [getattr(net, name) for name in hyper if hasattr(net, name)]
    with _forbidden(unused):
        reconstruction_view(net)(images)
    with _forbidden(unused), pytest.raises(pytest.fail.Exception):
        net(images)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_halves_at_once_are_the_two_halves(architecture, small_codec, images):
    codec = small_codec(architecture)
    both, rate = codec.relaxed(images), codec.rate(images)
    assert torch.equal(both.reconstruction, codec.reconstruct(images))
    assert set(both.bits) == set(rate) == ({"y"} if "factorized" in architecture else {"y", "z"})
    for stream, bits in rate.items():
        assert torch.equal(both.bits[stream], bits)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_take_no_gradient(architecture, small_codec, images):
    both = small_codec(architecture).relaxed(images)
    assert not both.reconstruction.requires_grad
    assert not any(bits.requires_grad for bits in both.bits.values())


@pytest.mark.parametrize("architecture", SAME_ROUNDING)
def test_the_bits_are_the_bytes(architecture, small_net, images):
    """Each string ends with the coder's state of 4 bytes and is padded to whole words of 4."""
    net = small_net(architecture)
    bits = sum(stream.sum() for stream in rate_view(net)(images)["likelihoods"].values())
    strings = [stream[0] for stream in net.compress(images)["strings"]]
    assert 0 <= 8 * sum(map(len, strings)) - float(bits) <= 64.5 * len(strings)


@pytest.mark.parametrize("architecture", AUTOREGRESSIVE)
def test_the_bits_are_close_to_the_bytes_of_autoregressive_models(architecture, small_net, images):
    net = small_net(architecture)
    bits = sum(stream.sum() for stream in rate_view(net)(images)["likelihoods"].values())
    strings = [stream[0] for stream in net.compress(images)["strings"]]
    assert float(bits) == pytest.approx(8 * sum(len(s) - 4 for s in strings), rel=0.07)


def _smooth(architecture, small_net):
    """A float64 model with scales above their bound, where the gradient of the bound is exact.

    It has no tables, like a net in training, so its rate is the smooth one.
    """
    net = without_tables(small_net(architecture)).double()
    for path in _parameter_paths(net):
        layer = [module for module in path if isinstance(module, nn.Conv2d)][-1]
        half = len(layer.bias) // (1 if type(net) is ScaleHyperprior else 2)
        layer.bias[:half] += 10
    return net


def _parameter_paths(net):
    """The paths that compute the scales and, where they exist, the means."""
    if isinstance(net, FactorizedPrior):
        return []
    if hasattr(net, "latent_codec"):
        parts = net.modules()
        return [p.entropy_parameters for p in parts if isinstance(p, CheckerboardLatentCodec)]
    return [getattr(net, "entropy_parameters", net.h_s)]


@pytest.fixture
def points(images, monkeypatch):
    """A picture and a direction in float64; rounding is replaced by the identity."""
    monkeypatch.setattr(torch.Tensor, "round", lambda values: values)
    monkeypatch.setattr(torch, "round", lambda values: values)
    torch.manual_seed(7)
    return images.double(), torch.randn(images.shape, dtype=torch.float64)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_of_the_reconstruction_are_those_without_rounding(
    architecture, small_net, points
):
    half = reconstruction_view(_smooth(architecture, small_net))
    analytic, numeric = slopes_along(lambda x: half(x)["x_hat"].square().sum(), *points)
    assert abs(analytic) > 0.01
    assert analytic == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_of_the_rate_are_those_without_rounding(architecture, small_net, points):
    half = rate_view(_smooth(architecture, small_net))

    def bits(images):
        return sum(stream.sum() for stream in half(images)["likelihoods"].values())

    analytic, numeric = slopes_along(bits, *points)
    assert abs(analytic) > 0.01
    assert analytic == pytest.approx(numeric, rel=1e-5)


class _StraightThrough(torch.autograd.Function):
    """Rounding with the identity as gradient."""

    @staticmethod
    def forward(_, values):
        return torch.round(values)

    @staticmethod
    def backward(_, gradient):
        return gradient


def _rounded(values):
    return _StraightThrough.apply(values)


def _gradients(net, images):
    """The gradients of reconstruction and rate."""
    images = images.clone().requires_grad_(True)
    picture = reconstruction_view(net)(images)["x_hat"].square().sum()
    bits = sum(stream.sum() for stream in rate_view(net)(images)["likelihoods"].values())
    return [torch.autograd.grad(value, images)[0] for value in (picture, bits)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_pass_straight_through_every_rounding(
    architecture, small_net, images, monkeypatch
):
    found = _gradients(small_net(architecture), images)
    monkeypatch.setattr(torch.Tensor, "round", _rounded)
    for gradient, expected in zip(found, _gradients(small_net(architecture), images), strict=True):
        assert expected.any()
        assert torch.equal(gradient, expected)


def test_no_gradient_is_kept_for_a_path_where_it_cancels(small_net, images):
    net, tracked = small_net("mbt2018-mean"), []
    hook = net.h_a.register_forward_hook(lambda *given: tracked.append(given[-1].requires_grad))
    reconstruction_view(net)(images.clone().requires_grad_(True))
    rate_view(net)(images.clone().requires_grad_(True))
    hook.remove()
    assert tracked == [False, True]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_is_its_pictures(architecture, small_codec, photograph):
    codec, names = small_codec(architecture), ("coffee", "rocket", "astronaut")
    pictures = [to_tensor(photograph(name, 17, 33)) for name in names]
    together = codec.relaxed(torch.cat(pictures))
    for index, picture in enumerate(pictures):
        alone = codec.relaxed(picture)
        assert torch.allclose(together.reconstruction[index], alone.reconstruction[0], atol=1e-4)
        for stream, bits in alone.bits.items():
            assert torch.allclose(together.bits[stream][index], bits[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ascending_the_surrogate_raises_real_bytes_as_far(architecture, small_codec, photograph):
    codec, image = small_codec(architecture), photograph("astronaut", 64, 64)
    source, budget = to_tensor(image), Linf(16)
    found = run_attack(IFGSM(steps=8), CodecTarget(codec, Rate(), source), source, budget, 0)
    expected = float(found.trace.max() - found.trace[0, 0]) * 64 * 64 / 8
    gained = len(codec.encode(quantise_and_check(found, source, budget))) - len(codec.encode(image))
    assert gained > 0
    assert gained == pytest.approx(expected, rel=0.3, abs=4)


@pytest.mark.parametrize("architecture", ["bmshj2018-factorized", "mbt2018-mean"])
def test_a_net_in_training_has_the_support_its_tables_would_have(architecture, small_net, images):
    net = small_net(architecture)
    training = without_tables(net)
    models = [CostedBottleneck(one.entropy_bottleneck) for one in (net, training)]
    far = torch.linspace(-90, 90, 12 * 40).view(1, -1, 1, 40)
    far = far if far.shape[1] == net.entropy_bottleneck.channels else far[:, :8]
    before, after = (model.smooth_bits(far) for model in models)
    assert torch.equal(before, after)
