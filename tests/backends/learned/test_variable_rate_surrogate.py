from __future__ import annotations

import pytest
import torch
from torch import nn

from attacks.gradient.pgd import IFGSM
from attacks.objectives.basic import Rate
from backends.learned.surrogates.entropy_models import CostedBottleneck
from backends.learned.variable_rate import _Likelihoods, _step, _SurrogatePasses
from bench.budget import Linf
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.tensors import to_image, to_tensor
from nets import without_tables
from slopes import slopes_along

NAMES = ["bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr", "mbt2018-vbr"]
AUTOREGRESSIVE = "mbt2018-vbr"
PARALLEL = [name for name in NAMES if name != AUTOREGRESSIVE]
STEPPED = [(name, True) for name in PARALLEL]
NETS = [(name, False) for name in NAMES] + STEPPED
LEVELS = [0, 3, 7]

every_net = pytest.mark.parametrize(("architecture", "is_stepped"), NETS)
every_parallel_net = pytest.mark.parametrize(
    ("architecture", "is_stepped"), [(name, False) for name in PARALLEL] + STEPPED
)


@pytest.fixture
def images(photograph):
    return to_tensor(photograph("chelsea", 64, 128))


def _bytes(codec, image):
    bitstream = codec.encode(image)
    return len(bitstream) - codec.header_bytes(bitstream)


@pytest.mark.parametrize("level", LEVELS)
@every_parallel_net
def test_the_reconstruction_is_what_is_really_decoded(
    architecture, is_stepped, level, variable_codec, images
):
    """The model multiplies by 1 / gain, the surrogate divides: they differ by at most 3e-7."""
    codec = variable_codec(architecture, level, is_stepped)
    with torch.no_grad():
        coded = codec._net.compress(images, s=level)
        decoded = codec._net.decompress(coded["strings"], coded["shape"], s=level)["x_hat"]
    reconstruction = codec.reconstruct(images).clamp(0, 1)
    assert torch.allclose(reconstruction, decoded, rtol=0, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_the_reconstruction_is_close_where_latents_are_predicted_one_by_one(
    level, variable_codec, images
):
    """The surrogate predicts all latents at once, partly from other values than the coder.

    Measured here: .0056, .0034 and .0011 root mean square, on pictures whose deviation is .25.
    """
    codec = variable_codec(AUTOREGRESSIVE, level)
    decoded = to_tensor(codec.decode(codec.encode(to_image(images))))
    error = codec.reconstruct(images).clamp(0, 1) - decoded
    assert 0 < error.square().mean().sqrt() < 0.05 * decoded.std()


@pytest.mark.parametrize("level", LEVELS)
@every_net
def test_the_bits_are_close_to_the_bytes(architecture, is_stepped, level, variable_codec, images):
    """Within 7 % of all streams, each of which ends with 4 bytes of the coder's state."""
    codec = variable_codec(architecture, level, is_stepped)
    bits = sum(float(stream.sum()) for stream in codec.rate(images).values())
    assert bits == pytest.approx(8 * (_bytes(codec, to_image(images)) - 8), rel=0.07)


@pytest.mark.parametrize("architecture", NAMES)
def test_the_estimate_is_of_the_models_own_likelihoods(architecture, variable_codec, images):
    codec = variable_codec(architecture, 3)
    likelihoods = codec._net(images, s=3)["likelihoods"].values()
    bits = sum(float(-p.double().log2().sum()) for p in likelihoods)
    assert codec.estimated_bits(to_image(images)) == pytest.approx(bits, rel=1e-6)


def _stepped(codec):
    """The bottleneck of a codec, its step, and latents distributed as its density."""
    net = codec._net
    step = _step(net, codec._coding_options["inputscale"])
    torch.manual_seed(2)
    medians = net.entropy_bottleneck.quantiles[:, 0, 1].view(1, -1, 1, 1)
    return net.entropy_bottleneck, step, medians + 3 * torch.randn(1, 8, 32, 32)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("architecture", PARALLEL)
def test_bits_and_estimate_of_a_stepped_bottleneck_follow_its_coder(
    architecture, level, variable_codec
):
    """Measured: bits .13 % and estimate .08 % too few at most, at steps of 2.0, 1.07 and .77.

    CompressAI's own likelihoods forget the step: 23 % and 2 % too many, 7 % too few. Where the last
    line fails it has learnt to keep it, and `_Likelihoods` can go.
    """
    bottleneck, step, latents = _stepped(variable_codec(architecture, level, True))
    real = 8 * (len(bottleneck.compress(latents, qs=step)[0]) - 4)
    costed = CostedBottleneck(bottleneck, step)
    rounded, bits = costed(latents)
    _, likelihoods = _Likelihoods(costed)(latents, qs=step)
    own_rounded, own = bottleneck(latents, qs=step)
    assert torch.allclose(rounded, own_rounded, atol=1e-6)
    assert float(bits.sum()) == pytest.approx(real, rel=0.005)
    assert float(-likelihoods.log2().sum()) == pytest.approx(real, rel=0.005)
    assert float(-own.log2().sum()) != pytest.approx(real, rel=0.015)


@every_net
def test_both_halves_at_once_are_the_two_halves(architecture, is_stepped, variable_codec, images):
    codec = variable_codec(architecture, 3, is_stepped)
    both, rate = codec.relaxed(images), codec.rate(images)
    assert torch.equal(both.reconstruction, codec.reconstruct(images))
    assert set(both.bits) == set(rate) == {"y", "z"}
    for stream, bits in rate.items():
        assert torch.equal(both.bits[stream], bits)


@pytest.fixture
def forbid():
    """Return a function that makes the test fail as soon as one of these modules runs."""
    hooks = []

    def refuse(module, _):
        pytest.fail(f"{type(module).__name__} ran, which this half does not need")

    yield lambda *modules: hooks.extend(m.register_forward_pre_hook(refuse) for m in modules)
    for hook in hooks:
        hook.remove()


@every_net
def test_the_rate_half_never_runs_the_decoder(
    architecture, is_stepped, variable_codec, images, forbid
):
    codec = variable_codec(architecture, 3, is_stepped)
    forbid(codec._net.g_s)
    codec.rate(images)
    with pytest.raises(pytest.fail.Exception):
        codec.relaxed(images)


@every_net
def test_the_reconstruction_half_never_runs_the_entropy_models(
    architecture, is_stepped, variable_codec, images, forbid, monkeypatch
):
    codec = variable_codec(architecture, 3, is_stepped)
    bottleneck = codec._net.entropy_bottleneck
    forbid(bottleneck, codec._net.gaussian_conditional)
    monkeypatch.setattr(bottleneck, "_logits_cumulative", lambda *_, **__: pytest.fail("counted"))
    codec.reconstruct(images)
    with pytest.raises(pytest.fail.Exception):
        codec.rate(images)


@pytest.mark.parametrize("half", ["rate", "reconstruction"])
@pytest.mark.parametrize("level", LEVELS)
@every_net
def test_gradients_are_finite_and_alive(
    architecture, is_stepped, level, half, variable_codec, images
):
    at = images.clone().requires_grad_(True)
    both = variable_codec(architecture, level, is_stepped).relaxed(at)
    value = (
        sum(b.sum() for b in both.bits.values()) if half == "rate" else both.reconstruction.std()
    )
    (gradient,) = torch.autograd.grad(value, at)
    assert gradient.isfinite().all()
    assert (gradient != 0).float().mean() > 0.99


@every_net
def test_weights_take_no_gradient(architecture, is_stepped, variable_codec, images):
    both = variable_codec(architecture, 3, is_stepped).relaxed(images)
    assert not both.reconstruction.requires_grad
    assert not any(bits.requires_grad for bits in both.bits.values())


def _smooth(net, level):
    """A float64 surrogate, smooth: without tables, and with scales above their bound."""
    net = without_tables(net).double()
    path = getattr(net, "entropy_parameters", net.h_s)
    [layer for layer in path if isinstance(layer, nn.Conv2d)][-1].bias[: net.M] += 10
    return _SurrogatePasses(net, "straight-through", net.Gain[level].abs())


@pytest.mark.parametrize("half", ["rate", "reconstruction"])
@every_net
def test_gradients_are_those_without_rounding(
    architecture, is_stepped, half, variable_net, images, monkeypatch
):
    surrogate = _smooth(variable_net(architecture, is_stepped), 3)
    monkeypatch.setattr(torch.Tensor, "round", lambda values: values)
    torch.manual_seed(7)

    def value(images):
        if half == "rate":
            return sum(bits.sum() for bits in surrogate.rate(images)["likelihoods"].values())
        return surrogate.reconstruct(images)["x_hat"].square().sum()

    direction = torch.randn(images.shape, dtype=torch.float64)
    analytic, numeric = slopes_along(value, images.double(), direction)
    assert abs(analytic) > 0.01
    assert analytic == pytest.approx(numeric, rel=1e-5)


@every_net
def test_ascending_the_surrogate_raises_real_bytes_as_far(
    architecture, is_stepped, variable_codec, photograph
):
    codec, image = variable_codec(architecture, 3, is_stepped), photograph("astronaut", 64, 64)
    source, budget = to_tensor(image), Linf(16)
    found = run_attack(IFGSM(steps=8), CodecTarget(codec, Rate(), source), source, budget, 0)
    expected = float(found.trace.max() - found.trace[0, 0]) * 64 * 64 / 8
    gained = len(codec.encode(quantise_and_check(found, source, budget))) - len(codec.encode(image))
    assert gained > 0
    assert gained == pytest.approx(expected, rel=0.3, abs=4)
