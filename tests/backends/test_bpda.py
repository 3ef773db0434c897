"""BPDA: the codec's real values with a surrogate's gradients."""

from __future__ import annotations

import pytest
import torch

from attacks.gradient.pgd import PGD
from attacks.objectives.basic import Distortion, Rate, RateDistortion
from backends.bpda import Bpda
from backends.toy import Toy
from bench.budget import Linf
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor

SURROGATE = {"name": "bmshj2018-hyperprior", "checkpoint": "bmshj2018-hyperprior-small-q4"}
OBJECTIVES = [Distortion(), Rate(), RateDistortion()]


@pytest.fixture(scope="module")
def codec():
    params = (("codec", {"name": "jpeg", "quality": 30}), ("surrogate", SURROGATE))
    return instantiate("codec", ComponentSpec("bpda", params))


@pytest.fixture
def source(photograph):
    return to_tensor(photograph("coffee", 64, 64))


def test_it_codes_like_the_codec(codec, photograph):
    image, jpeg = (
        photograph("coffee", 17, 33),
        instantiate("codec", ComponentSpec("jpeg", (("quality", 30),))),
    )
    assert codec.encode(image) == jpeg.encode(image)
    assert (codec.decode(jpeg.encode(image)) == jpeg.decode(jpeg.encode(image))).all()
    assert codec.header_bytes(jpeg.encode(image)) == jpeg.header_bytes(jpeg.encode(image))
    assert jpeg.fingerprint() in codec.fingerprint() != jpeg.fingerprint()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_values_are_real(codec, source, objective, photograph):
    target = CodecTarget(codec, objective, source)
    value, _ = target.value_and_grad(source)
    assert float(value) == pytest.approx(target.query(photograph("coffee", 64, 64)[None])[0])


def test_gradients_are_the_surrogates_at_the_codecs_picture(source):
    """The toy codec decodes 3 x from 255 x + 1 bits per value: closed-form gradients."""
    jpeg = instantiate("codec", ComponentSpec("jpeg", (("quality", 30),)))
    borrowing = Bpda(jpeg, Toy(3.0))
    decoded = to_tensor(jpeg.decode(jpeg.encode(to_image(source))))
    _, gradient = CodecTarget(borrowing, Distortion(), source).value_and_grad(source)
    inside = (decoded > 0) & (decoded < 1)
    expected = 3 * 2 * (decoded - source) / source.numel()
    assert torch.allclose(gradient[inside], expected[inside], atol=1e-8)
    _, gradient = CodecTarget(borrowing, Rate(), source).value_and_grad(source)
    assert torch.allclose(gradient, torch.full_like(source, 255 / source[0, 0].numel()))


def test_attacks_by_borrowed_gradients_harm_more_than_noise(codec, source):
    target = CodecTarget(codec, Rate(), source)
    found = quantise_and_check(
        run_attack(PGD(steps=10), target, source, Linf(8), 1), source, Linf(8)
    )
    noise = instantiate("attack", ComponentSpec("sign-noise"))
    loud = quantise_and_check(run_attack(noise, target, source, Linf(8), 1), source, Linf(8))
    assert len(codec.encode(found)) > 1.1 * len(codec.encode(loud))


def test_a_surrogate_without_gradients_is_refused():
    jpeg = instantiate("codec", ComponentSpec("jpeg", (("quality", 30),)))
    with pytest.raises(ConfigError, match="has no gradients"):
        Bpda(jpeg, jpeg)
