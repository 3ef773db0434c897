"""Corruptions: hashes of all of them, their definitions, and how a suite names them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image as Pictures
from scipy.ndimage import convolve, gaussian_filter
from skimage.color import hsv2rgb, rgb2hsv

from attacks.corruptions import blurs, digital, noises, textures, weather
from attacks.corruptions.attack import Corruption
from attacks.corruptions.filters import convolved, motion_blurred, smoothed, zoomed
from attacks.corruptions.kinds import KINDS, SEVERITIES, corrupted
from bench.budget import Unlimited
from bench.errors import ConfigError
from bench.images.image_set import pixel_hash
from bench.metrics.scores import mse
from bench.suite.json_schema import suite_schema
from bench.suite.suite import Suite
from bench.tensors import to_tensor
from bench.utils.yaml_config import parse

SEED = 7
HASHES = {
    "gaussian_noise": ["25b76d44", "f499b97f", "53780ba3", "9681f5e6", "b1055354"],
    "shot_noise": ["9c46b979", "29571541", "a676c2c6", "ae5f01e2", "2f559b4a"],
    "impulse_noise": ["c4c6674b", "ed57d1b5", "c1be053f", "669e0e8c", "27f3994f"],
    "defocus_blur": ["7ef0bdfa", "d7764dcd", "67f1506c", "a6c7f51f", "e1c0fea1"],
    "glass_blur": ["009b61fb", "25cbd22b", "d490a4ed", "b82fa9d2", "623e56fe"],
    "motion_blur": ["c8de9989", "859c10b9", "ba4b08a4", "a2a5861b", "5b8ee10d"],
    "zoom_blur": ["28794677", "c455d026", "78791d48", "914fb5d0", "48431cfd"],
    "snow": ["0b00ac45", "1179ea8d", "f914d855", "417b1292", "f99d4724"],
    "frost": ["f2b0a848", "1ba4d66f", "7876dc99", "30980795", "91cff626"],
    "fog": ["14d6c9f0", "8ca05dcb", "5a630862", "fd4b6256", "45e8e285"],
    "brightness": ["754cd868", "faa74ac0", "52fc08c8", "3c091e2f", "ce8f956e"],
    "contrast": ["b0203083", "3ca51fbf", "ae915c2b", "e7442690", "74ac8290"],
    "elastic_transform": ["01ed6b9e", "5074287d", "75104702", "5963b49e", "b2665a24"],
    "pixelate": ["4582d2cd", "320efa77", "24677355", "a3576d05", "86329d82"],
    "jpeg_compression": ["9fcbc4ad", "b66b39f8", "a7d2b005", "6086ae5f", "84e48a9b"],
}
"""The first digits of the hash of the pixels, by kind; severities 1 to 5.

All arithmetic is in float64 and rounded once, and the random streams are those of NumPy's
RandomState, which never change. So the hashes hold on every processor and for every version of
NumPy and SciPy, unless a value lies within about 1e-13 of a rounding step. Those of
`jpeg_compression` need libjpeg-turbo, which all wheels of Pillow contain.
"""

ODD = {"frost", "fog", "elastic_transform"}
"""Kinds whose constants change two things at once, so that the error does not always grow."""

FIXED = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}
"""Kinds without random numbers."""

CHANGES_FLAT = {"gaussian_noise", "shot_noise", "impulse_noise", "snow", "frost", "fog"}
CHANGES_FLAT |= {"brightness", "jpeg_compression"}
"""Kinds that change a picture of one colour; JPEG rounds it."""


def _rng(seed=SEED):
    return np.random.RandomState(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_corrupted_pictures_are_those_of_every_machine(kind, photograph):
    picture = photograph("coffee", 60, 83)
    found = [pixel_hash(corrupted(picture, kind, one, SEED))[:8] for one in SEVERITIES]
    assert found == HASHES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_grows_with_the_severity(kind, photograph):
    picture = photograph("astronaut", 256, 256)
    errors = [mse(picture, corrupted(picture, kind, one, SEED)) for one in SEVERITIES]
    assert errors[0] > 0
    assert (errors == sorted(errors)) == (kind not in ODD)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 7), (9, 1), (2, 2), (5, 3), (17, 33), (1, 300)], ids=str
)
def test_every_size_has_all_corruptions(size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for kind in KINDS:
        for severity in SEVERITIES:
            found = corrupted(picture, kind, severity, SEED)
            assert (found.shape, found.dtype) == (picture.shape, np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_the_random_numbers(kind, photograph):
    picture = photograph("coffee", 60, 83)
    first, again, other = (corrupted(picture, kind, 3, seed) for seed in (SEED, SEED, SEED + 1))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (kind in FIXED)


@pytest.mark.parametrize("kind", KINDS)
def test_blurs_and_warps_keep_one_colour(kind):
    flat = np.full((48, 50, 3), (200, 120, 40), np.uint8)
    changed = mse(flat, corrupted(flat, kind, 5, SEED)) > 5e-5
    assert changed == (kind in CHANGES_FLAT)


def test_gaussian_noise_has_the_standard_deviation_of_its_severity():
    grey = np.full((200, 200, 3), 0.5)
    for severity, sigma in enumerate((0.08, 0.12, 0.18, 0.26, 0.38), 1):
        noise = noises.gaussian_noise(grey, severity, _rng()) - grey
        assert noise.std() == pytest.approx(sigma, rel=0.02)


def test_shot_noise_counts_photons():
    grey = np.full((200, 200, 3), 0.4)
    for severity, photons in enumerate((60, 25, 12, 5, 3), 1):
        noisy = noises.shot_noise(grey, severity, _rng())
        assert noisy.mean() == pytest.approx(0.4, rel=0.02)
        assert noisy.var() == pytest.approx(0.4 / photons, rel=0.03)
        assert noisy * photons == pytest.approx(np.rint(noisy * photons))


def test_impulse_noise_hits_a_share_of_the_values():
    grey = np.full((200, 200, 3), 0.5)
    for severity, share in enumerate((0.03, 0.06, 0.09, 0.17, 0.27), 1):
        noisy = noises.impulse_noise(grey, severity, _rng())
        assert (noisy != 0.5).mean() == pytest.approx(share, rel=0.05)
        assert (noisy == 1).mean() == pytest.approx(share / 2, rel=0.05)
        assert set(np.unique(noisy)) == {0, 0.5, 1}


@pytest.mark.parametrize("severity", SEVERITIES)
def test_defocus_turns_a_point_into_a_disk(severity):
    radius = (3, 4, 6, 8, 10)[severity - 1]
    point = np.zeros((41, 41, 3))
    point[20, 20] = 1
    disk = blurs.defocus_blur(point, severity, _rng())[..., 0]
    assert disk.sum() == pytest.approx(1)
    inside = np.hypot(*np.mgrid[-20:21, -20:21]) < radius - 2
    assert disk[inside] == pytest.approx(disk[20, 20])
    assert disk[20, 20] == pytest.approx(1 / (np.pi * radius**2), rel=0.06)
    assert disk[20, 20 + radius + 3] == pytest.approx(0, abs=1e-15)


def test_glass_exchanges_pixels_of_the_neighbourhood():
    rows, columns = np.mgrid[:30, :40].astype(float)
    places = np.stack([rows, columns, rows], axis=2)
    moved = blurs._exchanged(places, 3, _rng())
    assert np.array_equal(np.sort(moved[..., 0].ravel()), np.sort(rows.ravel()))
    assert np.abs(moved[..., 1] - columns).mean() > 1
    outside = blurs._exchanged(places[:5, :5], 3, _rng())
    assert np.array_equal(outside, places[:5, :5])


def test_motion_smears_a_point_along_its_line():
    point = np.zeros((41, 41, 1))
    point[20, 30] = 1
    smeared = motion_blurred(point, 5, 3.0, 0.0)[..., 0]
    weights = np.exp(-(np.arange(11) ** 2) / 18)
    assert smeared[20, 20:31][::-1] == pytest.approx(weights / weights.sum())
    assert smeared.sum() == pytest.approx(1)
    upright = motion_blurred(point.transpose(1, 0, 2), 5, 3.0, np.pi / 2)[..., 0]
    assert upright == pytest.approx(smeared.T)


def test_zooms_show_the_centre_enlarged():
    ramp = np.stack(np.mgrid[-10.0:11, -15.0:16], axis=2)
    assert zoomed(ramp, 1.0) == pytest.approx(ramp)
    assert zoomed(ramp, 2.5) == pytest.approx(ramp / 2.5)
    factors = np.arange(1, 1.31, 0.03)
    expected = ramp * (1 + sum(1 / factor for factor in factors)) / (1 + len(factors))
    assert blurs.zoom_blur(ramp, 5, _rng()) == pytest.approx(expected)


def test_filters_are_those_of_scipy(rng):
    planes, kernel = rng.random((21, 34, 3)), rng.random((7, 7))
    kernel += kernel[::-1, ::-1]
    expected = [convolve(planes[..., one], kernel, mode="mirror") for one in range(3)]
    assert convolved(planes, kernel) == pytest.approx(np.stack(expected, axis=2))
    plane = planes[..., 0]
    assert smoothed(plane, 2.5) == pytest.approx(gaussian_filter(plane, 2.5, truncate=9), abs=1e-4)


def test_brightness_raises_the_value_and_keeps_hue_and_saturation(photograph):
    planes = photograph("coffee", 60, 83) / 255
    planes[0, 0] = 0
    for severity, more in enumerate((0.1, 0.2, 0.3, 0.4, 0.5), 1):
        hsv = rgb2hsv(planes)
        hsv[..., 2] = np.minimum(hsv[..., 2] + more, 1)
        assert weather.brightness(planes, severity, _rng()) == pytest.approx(hsv2rgb(hsv))


def test_snow_and_brightness_lighten_and_fog_keeps_the_brightest(photograph):
    picture = photograph("coffee", 60, 83)
    for severity in SEVERITIES:
        for kind in ("snow", "brightness"):
            assert corrupted(picture, kind, severity, SEED).mean() > picture.mean()
        assert corrupted(picture, "fog", severity, SEED).max() <= picture.max()
        assert corrupted(picture, "fog", severity, SEED).std() < picture.std()
    black = np.zeros((20, 20, 3), np.uint8)
    assert not corrupted(black, "fog", 3, SEED).any()


def test_snow_falls_the_same_upside_down():
    flakes = weather.snow(np.zeros((64, 80, 3)), 3, _rng())
    assert flakes == pytest.approx(flakes[::-1, ::-1])


def test_plasma_is_a_map_from_0_to_1_of_any_size():
    whole = textures.plasma(256, 256, 1.5, _rng())
    assert (whole.min(), whole.max()) == (0, 1)
    assert np.array_equal(textures.plasma(9, 200, 1.5, _rng()), whole[:9, :200])
    assert textures.plasma(3, 700, 1.5, _rng()).shape == (3, 700)
    rough = [np.abs(np.diff(textures.plasma(256, 256, one, _rng()))).mean() for one in (3, 1.4)]
    assert rough[0] < rough[1]


def test_frost_is_bluish_and_as_rough_at_every_scale():
    frost = textures.frost_texture(256, 256, _rng())
    red, green, blue = frost.mean(axis=(0, 1))
    assert red < green < blue
    assert 0.48 <= frost.mean() <= 0.81
    assert 0.1 < frost.mean(axis=2).std() < 0.14
    power = np.abs(np.fft.fft2(frost.mean(axis=2))) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    octaves = [power[(frequency >= f) & (frequency < 2 * f)].sum() for f in (1 / 64, 1 / 16, 1 / 4)]
    assert max(octaves) < 2 * min(octaves)


def test_contrast_shrinks_the_distance_to_the_mean(photograph):
    planes = photograph("coffee", 60, 83) / 255
    for severity, share in enumerate((0.4, 0.3, 0.2, 0.1, 0.05), 1):
        flat = digital.contrast(planes, severity, _rng())
        assert flat.std(axis=(0, 1)) == pytest.approx(share * planes.std(axis=(0, 1)))
        assert flat.mean(axis=(0, 1)) == pytest.approx(planes.mean(axis=(0, 1)))


def test_pixelate_gives_blocks_of_one_colour(photograph):
    blocks = corrupted(photograph("coffee", 64, 80), "pixelate", 2, SEED)
    assert np.array_equal(blocks, blocks[::2, ::2].repeat(2, axis=0).repeat(2, axis=1))
    source = photograph("coffee", 64, 80).astype(float).reshape(32, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(blocks[::2, ::2] - source).max() <= 1  # Pillow rounds rows, then columns


def test_jpeg_is_that_of_pillow(photograph):
    picture = photograph("coffee", 60, 83)
    for severity, quality in enumerate((25, 18, 15, 10, 7), 1):
        file = io.BytesIO()
        Pictures.fromarray(picture).save(file, "JPEG", quality=quality)
        assert np.array_equal(
            corrupted(picture, "jpeg_compression", severity, SEED), np.asarray(Pictures.open(file))
        )


def test_an_affine_map_of_nothing_is_the_identity():
    grid = np.mgrid[:31, :47].astype(float)
    assert digital._affine(grid, 0.0, _rng()) == pytest.approx(grid)
    assert np.abs(digital._affine(grid, 4.0, _rng()) - grid).max() > 1


def test_elastic_displacements_are_as_large_as_their_severity(photograph):
    """A ramp shows where each pixel comes from, away from the edges."""
    ramp = np.repeat(np.mgrid[:256, :256][1][..., None] / 255.0, 3, axis=2)
    for severity, jitter in ((1, 24.4), (4, 4.88)):
        moved = digital.elastic_transform(ramp, severity, _rng())[64:192, 64:192, 0] * 255
        shift = np.abs(moved - np.arange(64, 192)).max()
        assert 0.3 < shift < 2.5 * jitter


def test_every_picture_of_a_batch_has_its_own_generator(photograph):
    names = ("coffee", "chelsea")
    source = torch.cat([to_tensor(photograph(name, 24, 40)) for name in names])
    attack = Corruption(kind="gaussian_noise", severity=2)
    found = attack(None, source, Unlimited(), [torch.Generator().manual_seed(n) for n in (5, 5)])
    noise = found.images - source
    inside = ((found.images > 0) & (found.images < 1)).all(dim=0)
    assert torch.allclose(noise[0][inside], noise[1][inside], atol=1 / 255)


SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs: [toy]
attacks: [corruptions]
budgets: [{unlimited: true}]
"""


def test_one_word_names_all_corruptions():
    def all_attacks(attacks):
        text = SUITE.replace("[corruptions]", attacks)
        return [str(one) for one in parse(text, "small.yaml", Suite).all_attacks]

    everything = all_attacks("[corruptions]")
    assert len(everything) == len(set(everything)) == 75
    assert everything[1] == "corruption kind=gaussian_noise severity=2"
    assert len(all_attacks("[{name: corruptions, severity: [1, 4]}]")) == 30
    assert all_attacks("[{name: corruption, kind: [fog, snow], severity: 5}]") == [
        "corruption kind=fog severity=5",
        "corruption kind=snow severity=5",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("corruptions]", "{name: corruption, kind: rain, severity: 1}]"), "gaussian_noise"),
        (("corruptions]", "{name: corruptions, severity: 6}]"), "severity"),
        (("{unlimited: true}", "{unlimited: true, linf: 8}"), "exactly one of"),
        (("{unlimited: true}", "{unlimited: false}"), "unlimited"),
        (
            ("unlimited: true", "unlimited: true, region: {top: 0, left: 0, height: 1, width: 1}"),
            "without a limit has no region",
        ),
    ],
)
def test_a_suite_that_cannot_be_says_why(change, message):
    with pytest.raises(ConfigError, match=message):
        parse(SUITE.replace(*change), "small.yaml", Suite)


def test_the_schema_knows_kinds_severities_and_the_budget():
    schema = suite_schema()
    known = schema["properties"]["attacks"]["items"]["anyOf"]
    (one,) = (
        item for item in known if item.get("properties", {}).get("name") == {"const": "corruption"}
    )
    assert one["properties"]["kind"]["anyOf"][0]["enum"] == list(KINDS)
    assert {"kind", "severity"} <= set(one["required"])
    assert "unlimited" in schema["$defs"]["BudgetSpec"]["properties"]
