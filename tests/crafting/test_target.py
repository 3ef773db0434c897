from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.gradient.pgd import FGSM
from attacks.objectives.basic import Distortion, Rate, RateDistortion
from backends.pillow import Jpeg
from backends.toy import Toy
from bench.budget import Linf
from bench.crafting.search import run_attack
from bench.crafting.target import NAN_GRADIENT, ZERO_GRADIENT, CodecTarget
from bench.errors import Unsupported
from bench.tensors import to_image, to_tensor

HYPERPRIOR = "bmshj2018-hyperprior"


@pytest.fixture
def image(photograph):
    return photograph("chelsea", 17, 33)


@pytest.fixture
def source(image):
    return to_tensor(image)


class Logging(Toy):
    """The toy codec, noting which of its methods were called."""

    def __init__(self, gain=0.5):
        super().__init__(gain)
        self.calls = []

    def encode(self, image):
        self.calls.append("encode")
        return super().encode(image)

    def decode(self, bitstream):
        self.calls.append("decode")
        return super().decode(bitstream)

    def reconstruct(self, images):
        self.calls.append("reconstruct")
        return super().reconstruct(images)

    def rate(self, images):
        self.calls.append("rate")
        return super().rate(images)


class EvalLikelihoods(Toy):
    """A rate attack as it is often written: through the likelihoods of a net in eval mode."""

    def __init__(self, net):
        super().__init__()
        self._net = net

    def rate(self, images):
        likelihoods = self._net(images)["likelihoods"]
        return {name: -torch.log2(p) for name, p in likelihoods.items()}


class Detached(Toy):
    """A codec whose reconstruction hangs on no gradient at all."""

    def reconstruct(self, images):
        return super().reconstruct(images).detach()


class NanAt(Toy):
    """A codec whose gradient is not a number for some values of the first picture."""

    def __init__(self, values):
        super().__init__(0.5)
        self._values = values

    def reconstruct(self, images):
        first, *others = super().reconstruct(images).flatten(1)
        broken = first[: self._values]
        root_of_zero = (broken - broken.detach()).sqrt()
        first = torch.cat([root_of_zero, first[self._values :]])
        return torch.stack([first, *others]).view(images.shape)


def _climbed(codec, objective, source):
    target = CodecTarget(codec, objective, source)
    result = run_attack(FGSM(), target, source, Linf(8), 3)
    return target, result.images


@pytest.mark.parametrize("objective", [Distortion(), Rate(), RateDistortion()])
@pytest.mark.parametrize("codec", ["toy", HYPERPRIOR])
def test_a_healthy_codec_has_no_flags(codec, objective, source, small_codec):
    codec = Toy(0.5) if codec == "toy" else small_codec(codec)
    target, images = _climbed(codec, objective, source)
    assert target.flags() == ()
    assert not torch.equal(images, source)


def test_a_rate_through_eval_mode_likelihoods_is_flagged(small_net, photograph):
    source = to_tensor(photograph("chelsea", 64, 64))
    target, _ = _climbed(EvalLikelihoods(small_net(HYPERPRIOR)), Rate(), source)
    assert target.flags() == (ZERO_GRADIENT,)


def test_a_reconstruction_without_any_gradient_is_flagged(source):
    target, _ = _climbed(Detached(0.5), Distortion(), source)
    assert target.flags() == (ZERO_GRADIENT,)


def test_the_clean_reconstruction_as_reference_has_no_gradient_at_the_source(source):
    target = CodecTarget(Toy(0.5), Distortion("clean"), source)
    _, gradient = target.value_and_grad(source)
    assert not gradient.any()
    assert target.flags() == (ZERO_GRADIENT,)


def test_gradients_that_are_no_numbers_are_zeroed_and_flagged(source):
    target = CodecTarget(NanAt(5), Distortion("input"), source)
    _, gradient = target.value_and_grad(source.clamp_min(0.01))
    assert not gradient.flatten()[:5].any()
    assert gradient.flatten()[5:].all()
    assert target.flags() == (NAN_GRADIENT,)


def test_a_gradient_without_any_number_is_flagged_twice(source):
    target = CodecTarget(NanAt(source.numel()), Distortion(), source)
    _, gradient = target.value_and_grad(source)
    assert torch.equal(gradient, torch.zeros_like(source))
    assert target.flags() == (ZERO_GRADIENT, NAN_GRADIENT)


def test_one_broken_picture_of_a_batch_is_enough(source):
    pair = torch.cat([source, source]).clamp_min(0.01)
    target = CodecTarget(NanAt(source.numel()), Distortion("input"), pair)
    _, gradient = target.value_and_grad(pair)
    assert not gradient[0].any()
    assert gradient[1].all()
    assert target.flags() == (ZERO_GRADIENT, NAN_GRADIENT)


def test_one_live_gradient_of_a_search_is_enough(source):
    target = CodecTarget(Toy(0.5), Distortion("clean"), source)
    target.value_and_grad(source)
    assert target.flags() == (ZERO_GRADIENT,)
    target.value_and_grad(source + 0.01)
    assert target.flags() == ()


def test_what_was_asked_is_counted(image, source):
    target = CodecTarget(Toy(), Rate(), source)
    assert (target.gradients, target.queries, target.flags()) == (0, 0, ())
    target.value_and_grad(source)
    target.value_and_grad(source)
    target.value(source)
    target.query(np.stack([image]))
    assert (target.gradients, target.queries) == (2, 1)
    batch = CodecTarget(Toy(), Rate(), torch.cat([source] * 3))
    batch.query(np.stack([image] * 3))
    assert batch.queries == 3


@pytest.mark.parametrize(
    ("objective", "half"),
    [(Rate(), ["rate"]), (Distortion(), ["reconstruct"]), (RateDistortion(), None)],
)
def test_only_the_half_that_is_needed_runs(objective, half, source):
    codec = Logging()
    CodecTarget(codec, objective, source).value_and_grad(source)
    assert codec.calls == (half or ["reconstruct", "rate"])


def test_the_clean_reconstruction_is_made_once(source):
    codec = Logging()
    target = CodecTarget(codec, Distortion("clean"), source)
    for _ in range(3):
        target.value_and_grad(source)
    assert codec.calls == ["reconstruct"] * 4


def test_values_are_the_objectives_own(source):
    moved, toy = source + 0.01, Toy(0.5)
    values, gradient = CodecTarget(toy, Distortion(), source).value_and_grad(moved)
    error = moved * 0.5 - source
    assert torch.allclose(values, error.square().mean((1, 2, 3)))
    assert torch.allclose(gradient, error / source.numel(), rtol=1e-4, atol=1e-9)
    assert torch.equal(CodecTarget(toy, Distortion(), source).value(moved), values)


def test_values_are_of_pictures_clipped_as_decoders_clip(source):
    bright = torch.full_like(source, 0.8)
    value = CodecTarget(Toy(2), Distortion(), bright).value(bright)
    assert float(value) == pytest.approx((1 - 0.8) ** 2)


@pytest.mark.parametrize("codec", ["toy", "jpeg", HYPERPRIOR])
@pytest.mark.parametrize("reference", ["source", "clean", "input"])
def test_queries_are_of_really_decoded_pictures(codec, reference, photograph, small_codec):
    codecs = {"toy": Toy(0.5), "jpeg": Jpeg(quality=20)}
    codec = codecs.get(codec) or small_codec(codec)
    clean = [photograph(name, 17, 33) for name in ("coffee", "rocket")]
    moved = [np.roll(image, 2, axis=1) for image in clean]
    source = torch.cat([to_tensor(image) for image in clean])
    found = CodecTarget(codec, Distortion(reference), source).query(np.stack(moved))
    for value, image, attacked in zip(found, clean, moved, strict=True):
        decoded = codec.decode(codec.encode(attacked)) / 255
        references = {
            "source": image,
            "clean": codec.decode(codec.encode(image)),
            "input": attacked,
        }
        error = np.mean((decoded - references[reference] / 255) ** 2)
        assert value == pytest.approx(error, rel=1e-5)


def test_queries_of_the_rate_are_of_real_bytes_and_decode_nothing(image, source):
    codec = Logging()
    found = CodecTarget(codec, Rate(), source).query(np.stack([image]))
    assert codec.calls == ["encode"]
    assert found == pytest.approx(8 * len(Toy().encode(image)) / (17 * 33))


def test_the_rd_cost_adds_both(image, source):
    objectives = RateDistortion(lmbda=0.02), Rate(), Distortion()
    targets = [CodecTarget(Toy(0.5), objective, source) for objective in objectives]
    moved = np.roll(image, 1, axis=0)
    for ask in (
        lambda target: target.query(np.stack([moved]))[0],
        lambda target: float(target.value(to_tensor(moved))),
    ):
        cost, rate, error = map(ask, targets)
        assert cost == pytest.approx(rate + 0.02 * 255**2 * error, rel=1e-6)


def test_a_codec_without_gradients_takes_queries_only(image, source):
    target = CodecTarget(Jpeg(quality=50), Rate(), source)
    for ask in (target.value_and_grad, target.value):
        with pytest.raises(Unsupported, match="offers no gradients; attack it by transfer"):
            ask(source)
    assert target.query(np.stack([image])) > 0
    assert (target.gradients, target.queries) == (0, 1)


def test_pictures_become_tensors_and_come_back(image):
    assert to_tensor(image).shape == (1, 3, 17, 33)
    assert np.array_equal(to_image(to_tensor(image)), image)
