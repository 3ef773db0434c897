"""Values of the objectives on the toy codec and small models, compared with other computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr

from attacks import OBJECTIVES
from attacks.gradient.pgd import IFGSM, PGD
from attacks.gradient.search import RANDOM_START
from attacks.objectives.basic import (
    Distortion,
    HaarPsi,
    HyperRate,
    MsSsim,
    Rate,
    RateDistortion,
    Regenerated,
)
from attacks.objectives.tradeoffs import DistortionAtRate, RateAtQuality
from backends.toy import Toy
from bench.attack import View
from bench.budget import Linf
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError, Unsupported
from bench.metrics import scores as metrics
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, unavailable
from bench.tensors import to_image, to_tensor

SIZE = (176, 165)


@pytest.fixture(scope="module")
def pictures(photograph):
    """x and x' as 8-bit pictures and as tensors."""
    clean = photograph("chelsea", *SIZE)
    moved = np.clip(
        clean.astype(int) + np.random.default_rng(1).integers(-9, 10, clean.shape), 0, 255
    )
    return clean, moved.astype(np.uint8)


def _value(objective, pictures, codec=None):
    clean, moved = map(to_tensor, pictures)
    return float(CodecTarget(codec or Toy(0.5), objective, clean).value(moved))


@pytest.mark.parametrize("name", sorted(OBJECTIVES.keys() - {"target"}))
def test_objectives_are_built_by_name(name):
    if problem := unavailable("objective", name):
        pytest.skip(f"the objective {name} {problem}")
    objective = instantiate("objective", ComponentSpec(name))
    halves = {"reconstruction", "regenerated", "rate", "both", "latents", "time"}
    assert objective.needs in halves
    compares = {"rate-at-quality", "distortion-at-rate", "collision"}
    assert objective.wants_clean is (name in compares)


def test_the_picture_that_is_coded_twice_is_compared_with_the_source(pictures):
    codec, (clean, moved) = Toy(0.7), pictures
    twice = codec.decode(codec.encode(codec.decode(codec.encode(moved))))
    expected = metrics.mse(clean, twice)
    target = CodecTarget(codec, Regenerated(), to_tensor(clean))
    assert target.query(moved[None])[0] == pytest.approx(expected)
    assert float(target.value(to_tensor(moved))) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("gain", [0.7, 1.3])
def test_the_search_finds_the_worst_picture_to_code_twice(gain):
    """C(C(x')) is g^2 x': all values as low as possible for g < 1, as high for g > 1."""
    source = torch.full((1, 3, 16, 16), 100 / 255)
    target = CodecTarget(Toy(gain), Regenerated(), source)
    found = run_attack(PGD(steps=20), target, source, Linf(8), 0).images
    assert torch.all((found * 255).round() == (92 if gain < 1 else 108))


@pytest.mark.parametrize("reference", ["source", "clean", "input", "carried"])
@pytest.mark.parametrize("kind", [Distortion, MsSsim, HaarPsi])
def test_the_clean_reconstruction_is_asked_for_where_it_is_compared_with(kind, reference):
    assert kind(reference).wants_clean == (reference in {"clean", "carried"})


@pytest.mark.parametrize("planes", ["rgb", "ycbcr", "luma"])
@pytest.mark.parametrize("reference", ["source", "clean", "input", "carried"])
def test_distortion_is_the_error_of_the_planes_it_names(reference, planes, pictures):
    clean, moved = (picture / 255 for picture in pictures)
    other = {
        "source": clean,
        "clean": clean / 2,
        "input": moved,
        "carried": clean / 2 + moved - clean,
    }[reference]
    difference = moved / 2 - other
    if planes != "rgb":
        red, green, blue = np.moveaxis(difference, -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        difference = np.stack([luma, 0.564 * (blue - luma), 0.713 * (red - luma)])
        difference = difference[:1] if planes == "luma" else difference
    expected = np.mean(difference**2)
    assert _value(Distortion(reference, planes), pictures) == pytest.approx(expected, rel=2e-3)


def test_a_codec_that_carries_the_change_through_has_no_distortion_of_its_own(pictures):
    assert _value(Distortion("carried"), pictures, Toy(1)) == pytest.approx(0, abs=1e-12)
    assert _value(Distortion("clean"), pictures, Toy(1)) > 1e-4


def test_luma_is_that_of_jpeg_files(pictures):
    """scikit-image scales the same luma to 16-235."""
    clean, moved = pictures
    luma = [rgb2ycbcr(picture)[..., 0] / 219 for picture in (clean, moved)]
    expected = np.mean((luma[0] - luma[1]) ** 2)
    assert _value(Distortion("source", "luma"), pictures, Toy(1)) == pytest.approx(
        expected, rel=1e-3
    )


def test_ms_ssim_is_the_score_that_is_reported(pictures):
    clean, moved = pictures
    value = _value(MsSsim(), pictures, Toy(1))
    assert value == pytest.approx(1 - metrics.ms_ssim(clean, moved), rel=1e-3)
    target = CodecTarget(Toy(1), MsSsim(), to_tensor(clean))
    assert target.query(moved[None])[0] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("planes", ["rgb", "ycbcr", "luma"])
def test_ms_ssim_can_be_climbed(planes, pictures, small_codec):
    source = to_tensor(pictures[0])
    target = CodecTarget(small_codec("bmshj2018-factorized"), MsSsim("source", planes), source)
    found = run_attack(PGD(steps=4), target, source, Linf(8), 0)
    assert float(target.value(found.images)) > float(target.value(source))
    assert target.flags() == ()


def test_ms_ssim_of_a_small_picture_is_refused_in_one_sentence(photograph):
    source = to_tensor(photograph("coffee", 160, 200))
    with pytest.raises(Unsupported, match="at least 161 pixels, this picture has 160"):
        CodecTarget(Toy(), MsSsim(), source).value(source)


def test_haarpsi_is_the_metric_of_that_name_and_can_be_climbed(pictures, small_codec):
    pytest.importorskip("piq", reason="the extra perceptual is not installed")
    clean, moved = pictures
    value = _value(HaarPsi(), pictures, Toy(1))
    metric = instantiate("metric", ComponentSpec("haarpsi"))
    assert value == pytest.approx(1 - metric(clean, moved), rel=1e-3)
    source = to_tensor(clean)
    target = CodecTarget(small_codec("bmshj2018-factorized"), HaarPsi(), source)
    found = run_attack(PGD(steps=4), target, source, Linf(8), 0)
    assert float(target.value(found.images)) > float(target.value(source))
    assert target.flags() == ()


@pytest.mark.parametrize("name", ["ms-ssim", "haarpsi"])
def test_a_similarity_to_the_clean_reconstruction_starts_at_random(name, small_codec, photograph):
    """It has its minimum at the source picture; there, similarities have a gradient of noise."""
    if name == "haarpsi":
        pytest.importorskip("piq", reason="the extra perceptual is not installed")
    source = to_tensor(photograph("coffee", 192, 192))
    objective = HaarPsi("clean") if name == "haarpsi" else MsSsim("clean", "ycbcr")
    target = CodecTarget(small_codec("bmshj2018-factorized"), objective, source)
    found = run_attack(IFGSM(steps=2), target, source, Linf(8), 0)
    assert found.flags == ((RANDOM_START,),)
    assert float(found.trace[0]) == 0
    assert float(target.value(found.images)) > 0


@pytest.mark.parametrize("reference", ["source", "clean", "input", "carried"])
def test_haarpsi_compares_with_every_reference(reference, photograph):
    pytest.importorskip("piq", reason="the extra perceptual is not installed")
    pair = torch.cat([to_tensor(photograph(name, 40, 33)) for name in ("coffee", "rocket")])
    moved = (pair + torch.linspace(0, 0.3, 33)).clamp(0, 1)
    together = CodecTarget(Toy(0.5), HaarPsi(reference), pair).value(moved)
    alone = [
        CodecTarget(Toy(0.5), HaarPsi(reference), pair[i : i + 1]).value(moved[i : i + 1])
        for i in range(2)
    ]
    assert torch.allclose(together, torch.cat(alone), rtol=1e-4)
    assert ((together > 0) & (together < 1)).all()


def test_haarpsi_of_a_small_picture_is_refused_in_one_sentence(photograph):
    pytest.importorskip("piq", reason="the extra perceptual is not installed")
    source = to_tensor(photograph("coffee", 15, 40))
    with pytest.raises(Unsupported, match="at least 16 pixels, this picture has 15"):
        CodecTarget(Toy(), HaarPsi(), source).value(source)


@pytest.mark.parametrize("objective", [Distortion, MsSsim])
def test_each_picture_of_a_batch_has_its_own_value(objective, photograph):
    pair = torch.cat([to_tensor(photograph(name, 161, 161)) for name in ("coffee", "rocket")])
    moved = (pair + 0.1).clamp(0, 1)
    together = CodecTarget(Toy(0.5), objective(), pair).value(moved)
    for index in range(2):
        one = slice(index, index + 1)
        alone = CodecTarget(Toy(0.5), objective(), pair[one]).value(moved[one])
        assert float(together[index]) == pytest.approx(float(alone), rel=1e-5)


def test_the_hyper_rate_is_one_of_the_streams(photograph, small_codec):
    source = to_tensor(photograph("coffee", 64, 64))
    codec = small_codec("bmshj2018-hyperprior")
    streams = {name: float(bits.sum()) / 64**2 for name, bits in codec.rate(source).items()}
    hyper, rate = (
        float(CodecTarget(codec, o, source).value(source)) for o in (HyperRate(), Rate())
    )
    assert hyper == pytest.approx(streams["z"], rel=1e-5)
    assert rate == pytest.approx(streams["y"] + streams["z"], rel=1e-5)


def test_climbing_the_hyper_rate_raises_it(photograph, small_codec):
    source = to_tensor(photograph("coffee", 64, 64))
    target = CodecTarget(small_codec("bmshj2018-hyperprior"), HyperRate(), source)
    found = run_attack(PGD(steps=5), target, source, Linf(8), 0)
    assert float(target.value(found.images)) > 1.003 * float(target.value(source))


def test_without_a_hyper_latent_or_its_bytes_the_hyper_rate_is_refused(photograph, small_codec):
    image = photograph("coffee", 64, 64)
    source = to_tensor(image)
    with pytest.raises(Unsupported, match="no bits of a hyper-latent"):
        CodecTarget(small_codec("bmshj2018-factorized"), HyperRate(), source).value(source)
    with pytest.raises(Unsupported, match="no bits of a hyper-latent"):
        CodecTarget(small_codec("bmshj2018-hyperprior"), HyperRate(), source).query(image[None])


def _moved(source, levels):
    return (source * 255 + levels) / 255


@pytest.mark.parametrize("levels", [-3, 0, 3])
def test_tradeoffs_are_penalised_on_one_side_only(levels):
    """Grey at half the contrast: a brighter picture takes more bits and has a larger error."""
    source = torch.full((1, 3, 4, 4), 100 / 255)
    moved, toy = _moved(source, levels), Toy(0.5)
    bits = float(CodecTarget(toy, Rate(), source).value(moved))
    error = 255**2 * float(CodecTarget(toy, Distortion(), source).value(moved))
    quality = float(CodecTarget(toy, RateAtQuality(0.01), source).value(moved))
    rate = float(CodecTarget(toy, DistortionAtRate(7), source).value(moved))
    assert quality == pytest.approx(bits - 0.01 * max(0, (50 - levels / 2) ** 2 - 50**2), rel=1e-4)
    assert rate == pytest.approx(error - 7 * max(0, 3 * levels), rel=1e-4)


def test_tradeoffs_of_real_bytes_compare_with_real_bytes(photograph):
    image = photograph("coffee", 12, 20)
    source, moved = to_tensor(image), to_image(_moved(to_tensor(image), 4))
    toy = Toy(0.5)
    clean, longer = (8 * len(toy.encode(picture)) / (12 * 20) for picture in (image, moved))
    value = CodecTarget(toy, DistortionAtRate(7), source).query(moved[None])[0]
    error = 255**2 * metrics.mse(image, toy.decode(toy.encode(moved)))
    assert value == pytest.approx(error - 7 * (longer - clean), rel=1e-4)


@pytest.mark.parametrize(
    ("free", "held", "index"),
    [(Rate(), RateAtQuality(1.0), 1), (Distortion(), DistortionAtRate(1e5), 0)],
)
def test_a_penalty_holds_what_it_names(free, held, index, photograph, small_codec):
    """The penalty leaves little of the other quantity's increase."""
    source = to_tensor(photograph("rocket", 64, 64))
    codec = small_codec("bmshj2018-hyperprior")

    def halves(images):
        objectives = Rate(), Distortion()
        return [float(CodecTarget(codec, o, source).value(images)) for o in objectives]

    def attacked(objective):
        target = CodecTarget(codec, objective, source)
        return halves(run_attack(PGD(steps=12), target, source, Linf(8), 1).images)

    clean, freely, holding = halves(source), attacked(free), attacked(held)
    growth = [freely[index] - clean[index], holding[index] - clean[index]]
    assert growth[0] > 0
    assert growth[1] < 0.5 * growth[0]
    assert holding[1 - index] > clean[1 - index]


def test_an_objective_that_was_not_given_what_it_needs_says_so(photograph):
    source = to_tensor(photograph("coffee", 4, 4))
    for objective in (Distortion(), Rate(), RateDistortion(), DistortionAtRate()):
        with pytest.raises(ValueError, match="did not give what this objective says it needs"):
            objective(View(source, source))


def test_parameters_of_objectives_are_checked():
    with pytest.raises(ConfigError, match="'planes' of the objective 'ms-ssim'"):
        instantiate("objective", ComponentSpec("ms-ssim", (("planes", "chroma"),)))
