"""What the page shows of an attacked picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib import colormaps

from bench.inspection.bit_allocation import allocation
from leaderboard.publish.thumbnails import AMPLIFIED, SIDE, Shown, views, webp


class Telling:
    """A codec whose bits lie at one point of a grid, as many as the picture is bright."""

    def reconstruct(self, images):
        raise AssertionError("the reconstruction is not asked for")

    relaxed = reconstruct

    def rate(self, images):
        bits = torch.zeros(1, 2, 4, 4)
        bits[0, :, 1, 2] = images.mean()
        return {"z": torch.ones(1, 1, 1, 1), "y": bits}


def flat(level, height=30, width=30):
    return np.full((height, width, 3), level, np.uint8)


def test_bits_are_those_of_the_finest_stream():
    found = allocation(Telling(), flat(255))
    assert found.shape == (4, 4)
    assert found[1, 2] == pytest.approx(2)
    assert found.sum() == pytest.approx(2)


def test_bit_maps_lie_on_the_picture_and_on_one_scale():
    found = views(Shown(flat(100), flat(200), flat(0), flat(0), Telling()))
    inside = np.zeros((30, 30), bool)
    inside[8:16, 16:24] = True
    for title, share in (("bits", 0.5), ("attacked bits", 1.0)):
        colours = [colormaps["viridis"](value, bytes=True)[:3] for value in (share, 0.0)]
        assert np.array_equal(np.unique(found[title][inside], axis=0), [colours[0]])
        assert np.array_equal(np.unique(found[title][~inside], axis=0), [colours[1]])


def test_codecs_that_cannot_tell_have_no_bit_maps():
    assert list(views(Shown(flat(1), flat(2), flat(3), flat(4), None))) == [
        "source",
        "attacked",
        "decoded",
        "attacked decoded",
        "change",
        "damage",
    ]


def test_changes_are_amplified_around_grey():
    found = views(Shown(flat(100), flat(103), flat(50), flat(40), None))
    assert np.all(found["change"] == 128 + 3 * AMPLIFIED)
    assert np.all(found["damage"] == 128 - 10 * AMPLIFIED)


def test_the_part_with_the_largest_error_is_shown():
    source = flat(0, 600, 700)
    hurt = source.copy()
    hurt[400:420, 500:520] = 255
    found = views(Shown(source, source, source, hurt, None))
    assert found["attacked decoded"].shape == (SIDE, SIDE, 3)
    assert (found["attacked decoded"] == 255).all(2).sum() == 400


def test_views_that_are_mostly_noise_take_no_more_than_a_page_can_carry(rng):
    noise = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert len(webp("attacked", noise)) > 1.5 * len(webp("change", noise))
