"""Contact sheets: sizes of pictures, words that fonts can draw, and the text in the file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.inspection.bit_allocation import enlarged
from bench.inspection.contact_sheet import (
    BitMap,
    Panel,
    Row,
    amplified,
    description_of,
    draw,
    drawable,
)

RED = (255, 0, 0)


def _pixels(sheet):
    with Pillow.open(io.BytesIO(sheet)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def _box(sheet, colour):
    """Return the height and width of what a sheet shows in a colour."""
    rows, columns = np.nonzero(np.abs(_pixels(sheet) - colour).sum(2) < 30)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def _plain(height, width):
    return np.full((height, width, 3), RED, np.uint8)


@pytest.mark.parametrize(("height", "width"), [(32, 400), (400, 32), (64, 64), (600, 900)])
def test_pictures_keep_their_aspect_ratio(height, width):
    grey = np.full((height, width, 3), 128, np.uint8)
    bits = BitMap(np.ones((2, 3)), 1.0)
    panels = [Panel("picture", _plain(height, width)), Panel("grey", grey), Panel("bits", bits)]
    drawn_height, drawn_width = _box(draw([Row(panels, "1. title")], "sheet", ["note"]), RED)
    assert drawn_height / drawn_width == pytest.approx(height / width, rel=0.2)
    assert max(drawn_height, drawn_width) > 100


@pytest.mark.usefixtures("layout")
def test_a_long_sentence_does_not_reach_other_rows():
    long = Panel("title", "why it failed " * 100)
    rows = [Row([Panel("picture", _plain(32, 400)), long]) for _ in range(2)]
    short = [Row([row.panels[0], Panel("title", "failed")]) for row in rows]
    assert _pixels(draw(rows, "", [])).shape == _pixels(draw(short, "", [])).shape
    dark = (_pixels(draw(rows[:1], "", [])).sum(2) < 300).any(1)
    assert not dark[:3].any()
    assert not dark[-3:].any()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Ω-été_$x$ Ж", "Ω-été_$x$ Ж"),
        ("长城 照片 q4", "… q4"),
        ("صورة on 模型", "… on …"),
        ("a\nb", "a…b"),
    ],
)
def test_words_that_fonts_lack_become_an_ellipsis(text, drawn):
    assert drawable(text) == drawn


def test_a_title_with_signs_of_mathematics_is_drawn_as_it_is():
    row = Row([Panel("$\\frac$", _plain(16, 16))], "$x_1$ $\\bad{")
    assert draw([row], "a $ and $\\nothing$", ["$"])


def test_the_description_is_in_the_file():
    sheet = draw([Row([Panel("", _plain(16, 16))])], "", [], "1. 长城\n2. صورة")
    assert description_of(sheet) == "1. 长城\n2. صورة"
    assert description_of(b"no picture") == ""


def test_differences_are_amplified_around_grey():
    source = np.full((1, 3, 3), 100, np.uint8)
    attacked = source + np.array([0, 4, 100], np.uint8)[:, None]
    assert amplified(source, attacked)[0, :, 0].tolist() == [128, 160, 255]


def test_a_bit_map_covers_the_picture_and_not_its_padding():
    grid = np.array([[1.0, 2.0], [3.0, 4.0]])
    bits = enlarged(grid, 24, 40)
    assert bits.shape == (24, 40)
    assert set(np.unique(bits[:, :32])) == {1.0}
    assert set(np.unique(bits[:, 32:])) == {2.0}
