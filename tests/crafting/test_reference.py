"""Figures that stand elsewhere, reached again with the real checkpoint and the real pictures."""

from pathlib import Path

import numpy as np
import pytest

from bench.budget import Linf
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.images.image_set import ImageSpec, Picture, load
from bench.isolation.coder import LocalCoder
from bench.metrics.scores import psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.tensors import to_tensor
from bench.utils.machine import configure_threads
from paths import SHARED

_REAL = SHARED
_WEIGHTS = _REAL / "weights/bmshj2018-factorized-mse-q2.pth.tar"
_KODAK = _REAL / "data/kodak"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not _WEIGHTS.exists(), reason="the real checkpoint is not here"),
]


@pytest.fixture(scope="module")
def codec():
    configure_threads(threads=2)
    return instantiate(
        "codec", ComponentSpec("bmshj2018-factorized", (("checkpoint", str(_WEIGHTS)),))
    )


@pytest.fixture(scope="module")
def crop() -> Picture:
    part = {"height": 256, "width": 256, "top": 100, "left": 200}
    spec = {"set": "kodak", "folder": str(_KODAK), "names": ["kodim03"], "crop": part}
    return load(ImageSpec.model_validate(spec), Path())[0]


def _coded(codec, image) -> RoundTrip:
    coded = encode_decode(LocalCoder(codec), image)
    assert isinstance(coded, RoundTrip)
    return coded


def _attacked(codec, crop: Picture, objective: str, epsilon: int):
    attack = instantiate("attack", ComponentSpec("pgd", (("steps", 60),)))
    source = to_tensor(crop.pixels)
    target = CodecTarget(codec, instantiate("objective", ComponentSpec(objective)), source)
    result = run_attack(attack, target, source, Linf(epsilon), seed=0)
    return quantise_and_check(result, source, Linf(epsilon))


@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "least"), [(8, 10.0), (16, 28.0)])
def test_pgd_takes_as_much_psnr_as_a_plain_loop_outside_the_project(codec, crop, epsilon, least):
    clean = psnr(crop.pixels, _coded(codec, crop.pixels).image)
    image = _attacked(codec, crop, "distortion", epsilon)
    attacked = psnr(crop.pixels, _coded(codec, image).image)
    assert 100 * (clean - attacked) / clean >= least


@pytest.mark.parametrize(
    ("epsilon", "least"), [(8, 1.55), pytest.param(16, 2.3, marks=pytest.mark.slow)]
)
def test_pgd_makes_the_real_bitstream_as_long(codec, crop, epsilon, least):
    clean = len(_coded(codec, crop.pixels).bitstream)
    attacked = len(_coded(codec, _attacked(codec, crop, "rate", epsilon)).bitstream)
    assert attacked / clean >= least


@pytest.mark.slow
def test_the_published_operating_point_on_all_of_kodak(codec):
    pictures = load(ImageSpec.model_validate({"set": "kodak", "folder": str(_KODAK)}), Path())
    assert len(pictures) == 24
    coded = [_coded(codec, picture.pixels) for picture in pictures]
    pairs = list(zip(pictures, coded, strict=True))
    rates = [_strings(codec, c) * 8 / (p.pixels.shape[0] * p.pixels.shape[1]) for p, c in pairs]
    assert 0.188 <= np.mean(rates) <= 0.190
    assert np.mean([psnr(p.pixels, c.image) for p, c in pairs]) == pytest.approx(28.2, abs=0.05)


def _strings(codec, coded: RoundTrip) -> int:
    return len(coded.bitstream) - codec.header_bytes(coded.bitstream)
