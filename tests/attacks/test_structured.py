"""Structured attacks: the kind of their perturbation, and how close they get to the optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from attacks.gradient.frequency import DCT, SSAH
from attacks.gradient.masked import Korhonen, Patch, activity
from attacks.gradient.recolour import Recolour
from attacks.gradient.search import RANDOM_START
from attacks.objectives.basic import Distortion, Rate
from backends.toy import Toy
from bench.budget import L2, Linf, Mse, Region
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.floors.ssim import Ssim
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor
from bench.testing import Linear

NAMES = ("ssah", "dct", "recolour", "korhonen", "patch")
FEW = {"steps": 12, "step_size": 0.2}
MANY = {"steps": 40, "step_size": 0.2}
HEIGHT, WIDTH = 16, 24
GAIN = 2


@pytest.fixture
def source(rng):
    """A picture of whole blocks with values away from 0 and 255."""
    return to_tensor(rng.integers(100, 150, (HEIGHT, WIDTH, 3), dtype=np.uint8))


@pytest.fixture
def weights(rng):
    return rng.normal(size=(3, HEIGHT, WIDTH))


def _change(attack, objective, source, ball):
    target = CodecTarget(Toy(GAIN), objective, source)
    return (run_attack(attack, target, source, ball, 0).images - source)[0].double().numpy()


def _growth(attack, weights, source, ball):
    """The increase of w . C(x) by an attack, by the toy codec's surrogate."""
    change = _change(attack, Linear(torch.from_numpy(weights)), source, ball)
    return GAIN * float((change * weights).sum())


def _pairs(values):
    """Return the blocks of 2x2 values, one per row."""
    blocks = values.reshape(3, HEIGHT // 2, 2, WIDTH // 2, 2).swapaxes(2, 3)
    return blocks.reshape(-1, 4)


def _fine(values):
    """Return values minus the mean of their 2x2 block."""
    means = _pairs(values).mean(1).reshape(3, HEIGHT // 2, WIDTH // 2)
    return values - means.repeat(2, axis=1).repeat(2, axis=2)


def _coarse(values, keep=4):
    """Return values filtered to the lowest frequencies of each 8x8 block."""
    found = np.empty_like(values)
    for top in range(0, HEIGHT, 8):
        for left in range(0, WIDTH, 8):
            block = np.s_[:, top : top + 8, left : left + 8]
            spectrum = dctn(values[block], axes=(1, 2), norm="ortho")
            spectrum[:, keep:], spectrum[:, :, keep:] = 0, 0
            found[block] = idctn(spectrum, axes=(1, 2), norm="ortho")
    return found


@pytest.mark.parametrize("ball", [L2(300), Mse(1e-3)], ids=str)
@pytest.mark.parametrize(("attack", "kept"), [(SSAH(**MANY), _fine), (DCT(**MANY), _coarse)])
def test_frequencies_reach_the_norm_of_what_they_keep_of_the_weights(
    attack, kept, ball, source, weights
):
    radius = ball.radius / 255 if ball.kind == "l2" else (ball.radius * source.numel()) ** 0.5
    optimum = GAIN * radius * np.linalg.norm(kept(weights))
    assert 0.99 * optimum < _growth(attack, weights, source, ball) < 1.001 * optimum


def test_ssah_comes_near_the_best_change_without_a_mean(source, weights):
    """In a block of four, the values with the two largest weights rise, the others fall."""
    blocks = np.sort(_pairs(weights), axis=1)
    optimum = GAIN * 8 / 255 * (blocks[:, 2:].sum() - blocks[:, :2].sum())
    assert 0.9 * optimum < _growth(SSAH(**MANY), weights, source, Linf(8)) < 1.001 * optimum


def test_korhonen_goes_as_far_as_the_mask_lets_it(source, weights):
    mask = activity(source, 2).numpy()
    optimum = GAIN * 8 / 255 * np.abs(mask * weights).sum()
    assert _growth(Korhonen(**MANY), weights, source, Linf(8)) == pytest.approx(optimum, rel=1e-4)


@pytest.mark.parametrize("ball", [Linf(8), L2(100)], ids=str)
def test_a_patch_reaches_the_dual_norm_of_the_weights_in_its_place(ball, source, weights):
    """A sixteenth of 16x24 is 4x6; the place with the largest weights is made unmistakable."""
    weights[:, 9:13, 7:13] *= 9
    inside = weights[:, 9:13, 7:13]
    norm = np.abs(inside).sum() if ball.kind == "linf" else np.linalg.norm(inside)
    growth = _growth(Patch(**MANY, area=1 / 16), weights, source, ball)
    assert growth == pytest.approx(GAIN * ball.radius / 255 * norm, rel=0.01)


def test_a_patch_of_a_region_lies_in_it(source, weights):
    region = Region(top=2, left=10, height=8, width=12)
    attack = Patch(**FEW, area=1 / 4)
    change = _change(attack, Linear(torch.from_numpy(weights)), source, Linf(8, region=region))
    rows, columns = (np.flatnonzero(np.any(change != 0, axis=axes)) for axes in ((0, 2), (0, 1)))
    assert (len(rows), len(columns)) == (4, 6)
    assert 2 <= rows[0] < rows[-1] < 10
    assert 10 <= columns[0] < columns[-1] < 22


def test_one_transform_of_colours_can_shift_them_all(source):
    """Equal weights within each channel: the optimal perturbation is one colour offset."""
    sizes = np.array([0.5, -2.0, 1.0]).reshape(3, 1, 1)
    weights = np.broadcast_to(sizes, (3, HEIGHT, WIDTH)).copy()
    optimum = GAIN * 8 / 255 * np.abs(weights).sum()
    growth = _growth(Recolour(**MANY), weights, source, Linf(8))
    assert growth == pytest.approx(optimum, rel=1e-4)


@pytest.mark.parametrize("ball", [Linf(8), L2(300), Ssim(0.1), Ssim(0.1, cap=6)], ids=str)
@pytest.mark.parametrize(("attack", "kept"), [(SSAH(**FEW), _fine), (DCT(**FEW), _coarse)])
def test_a_change_keeps_to_its_frequencies(attack, kept, ball, source):
    change = _change(attack, Distortion(), source, ball)
    assert np.abs(change).max() > 1 / 255
    assert np.abs(change - kept(change)).max() < 1e-5


def test_pixels_of_one_colour_stay_of_one_colour(source, weights):
    few = (source * 255 / 16).round() * 16 / 255
    change = _change(Recolour(**FEW), Linear(torch.from_numpy(weights)), few, Linf(8))
    seen = {}
    for colour, move in zip(few[0].flatten(1).T, change.reshape(3, -1).T, strict=True):
        assert np.allclose(seen.setdefault(tuple(colour.tolist()), move), move, atol=1e-6)
    assert len({tuple(move.round(4)) for move in seen.values()}) > 1


def test_where_a_picture_is_flat_korhonen_changes_nothing(source):
    source[..., :12] = 0.5
    change = np.abs(_change(Korhonen(**FEW), Rate(), source, Linf(8)))
    assert change[..., :10].max() < 1e-6
    assert change[..., 14:].mean() > 1 / 255
    flat = torch.full_like(source, 0.5)
    assert not _change(Korhonen(**FEW), Rate(), flat, Linf(8)).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 13)])
@pytest.mark.parametrize("attack", [SSAH(**FEW), DCT(**FEW)])
def test_blocks_are_cut_off_where_a_picture_ends(attack, size, rng):
    """The mean of a smaller block at the border is kept too; a single pixel is its own mean."""
    source = to_tensor(rng.integers(100, 150, (*size, 3), dtype=np.uint8))
    change = _change(attack, Rate(), source, Linf(8))
    if isinstance(attack, DCT):
        assert change.mean() > 7 / 255
        return
    assert np.abs(change[:, -1:, -1:].mean((1, 2))).max() < 1e-6 or size[0] % 2 == 0
    assert np.abs(change[:, :2, :2].mean((1, 2))).max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_flat_start_is_left_by_a_change_of_the_kind(name, photograph, small_codec):
    source = 0.1 + 0.8 * to_tensor(photograph("coffee", 32, 48))
    target = CodecTarget(small_codec("bmshj2018-factorized"), Distortion("clean"), source)
    attack = instantiate("attack", ComponentSpec(name, tuple(FEW.items())))
    found = run_attack(attack, target, source, Linf(8), 3)
    assert found.flags == ((RANDOM_START,),)
    assert float(target.value(found.images)) > 0
    if name == "ssah":
        change = (found.images - source)[0].unfold(1, 2, 2).unfold(2, 2, 2)
        assert float(change.mean((3, 4)).abs().max()) < 1e-5


@pytest.mark.parametrize("ball", [Linf(8), Mse(6e-4), Ssim(0.05)], ids=str)
@pytest.mark.parametrize("objective", [Distortion(), Rate()])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_really_coded_is_worse_than_the_clean_picture(
    name, objective, ball, photograph, small_codec
):
    source = to_tensor(photograph("rocket", 48, 64))
    target = CodecTarget(small_codec("bmshj2018-hyperprior"), objective, source)
    attack = instantiate("attack", ComponentSpec(name, tuple(FEW.items())))
    found = quantise_and_check(run_attack(attack, target, source, ball, 3), source, ball)
    clean, attacked = (target.query(image[None])[0] for image in (to_image(source), found))
    assert attacked > clean
    assert target.flags() == ()
