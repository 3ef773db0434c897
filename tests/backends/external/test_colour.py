from __future__ import annotations

import numpy as np
import pytest

from backends.external import colour

_BT709 = np.array(
    [
        [0.2126, 0.7152, 0.0722],
        [-0.114572106, -0.385427894, 0.5],
        [0.5, -0.454152908, -0.045847092],
    ]
)
"""ITU-R BT.709-6, 3.2 and 3.3, computed to nine digits."""


def _pictures(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _reference(image):
    ycbcr = image.astype(float) / 255 @ _BT709.T
    return np.rint(ycbcr * [876, 896, 896] + [64, 512, 512]).astype(int)


@pytest.mark.parametrize("red", range(0, 256, 5))
def test_every_colour_survives_444(red):
    blue, green = np.meshgrid(np.arange(256), np.arange(256))
    image = np.stack((np.full_like(blue, red), green, blue), axis=-1).astype(np.uint8)
    assert np.array_equal(colour.from_444(colour.to_444(image)), image)


def test_the_codes_are_those_of_the_recommendation():
    image = _pictures(200, 300)
    codes = np.stack(colour.to_444(image), axis=-1).astype(int)
    assert np.mean(codes != _reference(image)) < 1e-4
    assert np.abs(codes - _reference(image)).max() <= 1


@pytest.mark.parametrize(
    ("rgb", "codes"),
    [
        ((0, 0, 0), (64, 512, 512)),
        ((255, 255, 255), (940, 512, 512)),
        ((255, 0, 0), (250, 409, 960)),
        ((0, 255, 0), (691, 167, 105)),
        ((0, 0, 255), (127, 960, 471)),
    ],
)
def test_the_primaries(rgb, codes):
    image = np.array([[rgb]], np.uint8)
    assert tuple(int(plane[0, 0]) for plane in colour.to_444(image)) == codes


def test_grey_has_no_chroma():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    _, cb, cr = colour.to_444(grey)
    assert np.all(cb == 512)
    assert np.all(cr == 512)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (17, 33), (48, 64)])
def test_shapes_at_420(size):
    y, cb, cr = planes = colour.to_420(_pictures(*size))
    assert y.shape == size
    assert cb.shape == cr.shape == colour.half(size) == tuple(-(-side // 2) for side in size)
    assert colour.from_420(planes).shape == (*size, 3)


def test_a_flat_picture_survives_420():
    image = np.full((9, 13, 3), (200, 30, 77), np.uint8)
    assert np.array_equal(colour.from_420(colour.to_420(image)), image)


def test_chroma_is_the_average_of_four_pixels():
    image = _pictures(6, 8)
    mean = (image / 255 @ _BT709[1]).reshape(3, 2, 4, 2).mean((1, 3)) * 896 + 512
    assert np.abs(colour.to_420(image)[1] - mean).max() <= 0.5 + 1e-6


def test_a_chroma_ramp_is_interpolated_where_the_samples_lie():
    ramp = np.arange(0, 400, 8, dtype=np.uint16)
    flat = np.full((4, 100), 502, np.uint16)
    chroma = np.tile(312 + ramp, (2, 1))
    picture = colour.from_420((flat, np.full_like(chroma, 512), chroma))[:, 6:-6, 0]
    exact = (502 - 64) / 876 + 1.5748 * (312 + np.arange(-2, 398, 4) - 512) / 896
    assert np.abs(picture - np.clip(exact * 255, 0, 255)[6:-6]).max() <= 0.5 + 1e-6


def test_bytes_there_and_back():
    planes = colour.to_420(_pictures(17, 33))
    data = colour.to_bytes(planes)
    assert len(data) == 2 * (17 * 33 + 2 * 9 * 17)
    assert data[:2] == int(planes[0][0, 0]).to_bytes(2, "little")
    again = colour.from_bytes(data, (17, 33), (9, 17))
    assert all(np.array_equal(a, b) for a, b in zip(again, planes, strict=True))


@pytest.mark.parametrize("change", [b"\0\0", b"\0"])
def test_a_wrong_number_of_bytes_is_refused(change):
    data = colour.to_bytes(colour.to_420(_pictures(4, 4)))
    with pytest.raises(ValueError, match="size"):
        colour.from_bytes(data + change, (4, 4), (2, 2))


def test_the_full_range_uses_every_code_and_loses_no_colour():
    image = _pictures(64, 64)
    planes = colour.to_444(image, colour.FULL)
    assert np.array_equal(colour.from_444(planes, colour.FULL), image)
    ends = np.array([[[0, 0, 0], [255, 255, 255], [0, 0, 255]]], np.uint8)
    y, cb, _ = colour.to_444(ends, colour.FULL)
    assert y[0, :2].tolist() == [0, 1023]
    assert cb[0].tolist() == [512, 512, 1023]
    assert colour.from_420(colour.to_420(image, colour.FULL), colour.FULL).shape == image.shape


def test_rgb_as_planes_there_and_back():
    image = _pictures(17, 33)
    green, blue, red = planes = colour.to_gbr(image)
    assert red[0, 0] == 4 * int(image[0, 0, 0])
    assert np.array_equal(blue >> 2, image[..., 2])
    assert np.array_equal(colour.from_gbr(planes), image)
    off = tuple((plane.astype(int) + 1).clip(0, 1023).astype(np.uint16) for plane in planes)
    assert np.array_equal(colour.from_gbr(off), image)
    assert colour.from_gbr((green | 3, blue | 3, red | 3)).max() <= 255
