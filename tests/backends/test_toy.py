from __future__ import annotations

import numpy as np
import pytest
import torch

from backends.toy import Toy
from bench.codec import Differentiable, Estimating
from bench.container import pack
from bench.errors import CodecError, ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_tensor

SIZES = [(1, 1), (1, 7), (17, 33), (64, 80)]


def _linear_bits(image):
    """The formula of the module's docstring: v ones and a zero for each sample v."""
    return int(image.astype(np.int64).sum()) + image.size


@pytest.mark.parametrize("size", SIZES)
def test_gain_one_is_lossless(size, photograph):
    image = photograph("coffee", *size)
    decoded = Toy().decode(Toy().encode(image))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize("gain", [0.25, 0.5, 1.7, 3])
def test_levels_are_multiplied_and_clipped(gain):
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    decoded = Toy(gain).decode(Toy(gain).encode(image))
    assert np.array_equal(decoded, np.clip(np.rint(image.astype(float) * gain), 0, 255))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 1, 255, None])
def test_real_bits_are_the_linear_formula(size, level, photograph):
    image = photograph("astronaut", *size)
    if level is not None:
        image = np.full_like(image, level)
    bitstream = Toy().encode(image)
    bits = _linear_bits(image)
    assert len(bitstream) - Toy().header_bytes(bitstream) == -(-bits // 8)
    assert Toy().estimated_bits(image) == bits
    assert float(Toy().rate(to_tensor(image))["y"].double().sum()) == pytest.approx(bits, rel=1e-6)
    assert np.array_equal(Toy().decode(bitstream), image)


def test_the_rate_grows_by_epsilon_a_sample():
    image = np.full((8, 9, 3), 100, np.uint8)
    grown = len(Toy().encode(image + 16)) - len(Toy().encode(image))
    assert 8 * grown == 16 * image.size


def test_a_linear_objective_reaches_its_closed_form_and_no_more(rng):
    codec, epsilon = Toy(2), 5
    image = rng.integers(30, 90, (6, 7, 3), dtype=np.uint8)
    weights = rng.normal(size=image.shape)

    def change(delta):
        decoded = [codec.decode(codec.encode(x.astype(np.uint8))) for x in (image, image + delta)]
        return float((weights * (decoded[1].astype(float) - decoded[0])).sum())

    optimum = 2 * epsilon * np.abs(weights).sum()
    assert change(epsilon * np.sign(weights)) == pytest.approx(optimum)
    for _ in range(50):
        assert change(rng.integers(-epsilon, epsilon + 1, image.shape)) < optimum


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_surrogate_is_linear(gain, photograph):
    images = to_tensor(photograph("rocket", 4, 5)).requires_grad_(True)
    both = Toy(gain).relaxed(images)
    assert torch.equal(both.reconstruction, images * gain)
    assert torch.equal(Toy(gain).reconstruct(images), both.reconstruction)
    (slope,) = torch.autograd.grad(both.reconstruction.sum(), images, retain_graph=True)
    assert torch.equal(slope, torch.full_like(images, gain))
    (slope,) = torch.autograd.grad(both.bits["y"].sum(), images)
    assert torch.equal(slope, torch.full_like(images, 255))


def test_it_offers_what_learned_codecs_offer():
    assert isinstance(Toy(), Differentiable)
    assert isinstance(Toy(), Estimating)
    assert Toy(2).fingerprint() != Toy(3).fingerprint()


def test_every_damaged_byte_and_truncation_is_refused(photograph):
    bitstream = Toy().encode(photograph("coffee", 2, 3))
    for index in range(len(bitstream)):
        damaged = bytearray(bitstream)
        damaged[index] ^= 16
        with pytest.raises(CodecError):
            Toy().decode(bytes(damaged))
        with pytest.raises(CodecError):
            Toy().decode(bitstream[:index])


@pytest.mark.parametrize("sections", [[], [b""], [b"\xff" * 200], [b"\x00"]])
def test_too_few_samples_are_told(sections):
    with pytest.raises(CodecError, match="fewer samples than its picture size"):
        Toy().decode(pack(b"toy1", 2, 3, sections))


@pytest.mark.parametrize("gain", [0, -1, float("nan")])
def test_a_gain_that_is_no_gain_is_refused(gain):
    with pytest.raises(ConfigError, match="'gain' of the codec 'toy'"):
        instantiate("codec", ComponentSpec("toy", (("gain", gain),)))
