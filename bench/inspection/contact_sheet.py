"""Contact sheets: rows of pictures and bit maps with their scores, as one PNG."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from bench.inspection.bit_allocation import Map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

AMPLIFICATION = 8
"""Factor by which differences are amplified."""

DIFFERENCES = (
    f"Differences are amplified {AMPLIFICATION} times around grey: grey pixels have not changed."
)
"""What the pictures of differences show."""

BITS = (
    "Bit maps show where the entropy model of the codec spends its bits: each point is one position"
    " of its finest latent, summed over the channels, and brighter points cost more bits. Both maps"
    " of a codec have one scale."
)
"""What the bit maps show."""

_UNDRAWABLE = re.compile("[^\u0020-\u052f]+(?: +[^\u0020-\u052f]+)*")
"""Words with other than Latin, Greek and Cyrillic letters. Of other scripts the fonts lack many, or
draw them without joining and ordering their letters."""

_DPI = 100

_WIDTH, _LOWEST, _HIGHEST = 2.1, 0.5, 3.2
"""Width of a panel, and its smallest and largest height, in inches."""

_BESIDE_SCALE = 0.8
"""Share of the width of a panel that is left beside the scale of a bit map."""

_TITLE, _LINE = 0.55, 0.18
"""Height of the title of a panel, and of a line of text, in inches."""

_CHARACTERS = 15
"""Characters of small text per inch."""

_STYLE: Mapping[Any, object] = {"text.parse_math": False, "font.family": "DejaVu Sans"}


@dataclass(frozen=True)
class BitMap:
    """A bit allocation.

    Attributes:
        bits: bits by position.
        largest: bits of the brightest colour, the maximum over all maps to compare.
    """

    bits: Map
    largest: float


Content: TypeAlias = Image | BitMap | str
"""A picture, uint8 (H, W, 3), a bit map, or a sentence in their place; nothing if empty."""


@dataclass(frozen=True)
class Panel:
    """One place of a sheet.

    Attributes:
        title: one or two lines.
        content: what it shows.
    """

    title: str
    content: Content


@dataclass(frozen=True)
class Row:
    """One row of a sheet.

    Attributes:
        panels: from left to right; at least one is a picture.
        title: one line above the panels; none if empty.
    """

    panels: Sequence[Panel]
    title: str = ""


def amplified(source: Image, attacked: Image) -> Image:
    """Return the difference attacked - source, amplified, around mid-grey; uint8 (H, W, 3)."""
    difference = (attacked.astype(np.int64) - source) * AMPLIFICATION + 128
    levels: Image = difference.clip(0, 255).astype(np.uint8)
    return levels


def grey_maps(maps: tuple[Map, Map]) -> tuple[Image, Image]:
    """Return two bit maps, shape (H, W), as grey pictures, uint8; white is the maximum of both."""
    largest = max(1e-12, *(float(bits.max()) for bits in maps))
    before, after = ((bits / largest * 255).round().astype(np.uint8) for bits in maps)
    return before, after


def map_panels(maps: tuple[Map, Map], titles: tuple[str, str]) -> list[Panel]:
    """Return the panels of two bit maps, shape (H, W), on one scale."""
    largest = max(float(bits.max()) for bits in maps)
    return [Panel(title, BitMap(bits, largest)) for title, bits in zip(titles, maps, strict=True)]


def drawable(text: str) -> str:
    """Return a text with an ellipsis for every word that the fonts of a sheet cannot draw."""
    return _UNDRAWABLE.sub("…", text)


def draw(rows: Sequence[Row], title: str, notes: Sequence[str], description: str = "") -> bytes:
    """Return a sheet as PNG; pictures keep their aspect ratios.

    Args:
        rows: at least one row, each with the same number of panels.
        title: title of the sheet.
        notes: sentences below the rows.
        description: text that the file carries, not drawn.
    """
    import matplotlib as mpl  # noqa: PLC0415 - takes a second to import

    with mpl.rc_context({**_STYLE}):
        figure = _figure(rows, title, notes)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Description": description})
    return stream.getvalue()


def description_of(sheet: bytes) -> str:
    """Return the description that the file of a sheet carries; empty if it has none."""
    try:
        with Pillow.open(io.BytesIO(sheet)) as picture:
            return str(picture.info.get("Description", ""))
    except (OSError, SyntaxError, ValueError):
        return ""


def _figure(rows: Sequence[Row], title: str, notes: Sequence[str]) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second to import

    width = _WIDTH * len(rows[0].panels)
    head = _wrapped(title, width * 0.8)
    foot = "\n".join(_wrapped(note, width) for note in notes)
    heights = [_TITLE + _LINE * bool(row.title) + _height(row) for row in rows]
    around = [_LINE * (1.5 * text.count("\n") + 2) * bool(text) for text in (head, foot)]
    figure = Figure(figsize=(width, sum(heights) + sum(around)), layout="constrained")
    figure.suptitle(head, fontsize=11)
    figure.supxlabel(foot, fontsize=8, x=0.01, ha="left")
    parts = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row)
    return figure


def _wrapped(text: str, inches: float) -> str:
    return textwrap.fill(text, int(inches * _CHARACTERS))


def _height(row: Row) -> float:
    """Return the height of the panels of a row in inches."""
    height, width = _shape(row)
    has_scale = any(isinstance(panel.content, BitMap) for panel in row.panels)
    inches = _WIDTH * (_BESIDE_SCALE if has_scale else 1)
    return min(max(inches * height / width, _LOWEST), _HIGHEST)


def _shape(row: Row) -> tuple[int, int]:
    """Return the height and width of the first picture of a row."""
    pictures = (one.content for one in row.panels if isinstance(one.content, np.ndarray))
    height, width = next(pictures).shape[:2]
    return height, width


def _draw_row(part: SubFigure, row: Row) -> None:
    if row.title:
        title = textwrap.shorten(row.title, int(_WIDTH * len(row.panels) * _CHARACTERS * 0.8))
        part.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")
    places = part.subplots(1, len(row.panels), squeeze=False)[0]
    for axes, panel in zip(places, row.panels, strict=True):
        axes.set_axis_off()
        axes.set_title(panel.title, fontsize=8)
        if isinstance(panel.content, str):
            _draw_sentence(axes, panel.content, _height(row))
        else:
            _draw_content(part, axes, panel.content)


def _draw_sentence(axes: Axes, text: str, inches: float) -> None:
    """Write as much of a sentence as a panel of this height holds."""
    lines = textwrap.wrap(
        drawable(text),
        int(_WIDTH * _CHARACTERS * 0.8),
        max_lines=int(inches / _LINE) + 1,
        placeholder=" …",
    )
    axes.text(0.5, 0.5, "\n".join(lines), fontsize=8, ha="center", va="center")


def _draw_content(part: SubFigure, axes: Axes, content: Image | BitMap) -> None:
    if isinstance(content, BitMap):
        plot = axes.imshow(content.bits, vmin=0, vmax=content.largest)
        part.colorbar(plot, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)
    else:
        axes.imshow(content)
