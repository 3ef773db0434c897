"""Draws the six pictures of the set `reading`, with bar codes and words, and reads them.

    pip install 'codec-robustness-bench[reading]'
    python docs/scripts/reading_pictures.py [folder]      # default: bench/images/reading

The package carries the pictures, because another version of Pillow can draw other pixels. The
grounds are photographs of the set `sample`; the font is Aileron Regular (CC0), which Pillow has.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from backends.metrics.reading import codes_in, words_in

SIDE = 256
FOLDER = Path(__file__).parents[2] / "bench/images/reading"

Colour = tuple[int, int, int]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
PAPER, INK, SAND, BROWN = (236, 232, 222), (35, 35, 60), (196, 164, 120), (60, 40, 20)
NAVY, YELLOW, RED, GREY = (25, 35, 80), (250, 220, 60), (170, 30, 30), (150, 150, 150)


@dataclass(frozen=True)
class Code:
    """A bar code with its quiet zone on a card.

    Attributes:
        kind: the format, as zxing-cpp names it.
        content: the text.
        module: the width of the smallest bar or square, in pixels.
        corner: left and top of the card.
        height: of the bars, in pixels; 0 for a code of two dimensions, whose shape is fixed.
        bar: the colour of the bars.
        card: the colour between them.
    """

    kind: str
    content: str
    module: int
    corner: tuple[int, int]
    height: int = 0
    bar: Colour = BLACK
    card: Colour = WHITE


@dataclass(frozen=True)
class Line:
    """A line of words: text, size of the font, left and top, colour."""

    text: str
    size: int
    corner: tuple[int, int]
    colour: Colour = INK


@dataclass(frozen=True)
class Drawing:
    """A picture: a ground, and what is printed on it.

    Attributes:
        ground: the name of a photograph of scikit-image, or a colour.
        panels: boxes of one colour: left, top, right, bottom.
        lines: lines of words.
        codes: bar codes.
    """

    ground: str | Colour
    panels: tuple[tuple[tuple[int, int, int, int], Colour], ...] = ()
    lines: tuple[Line, ...] = ()
    codes: tuple[Code, ...] = ()


DRAWINGS = {
    "ticket": Drawing(
        PAPER,
        lines=(
            Line("Night Ferry", 26, (10, 8)),
            Line("Cabin 417 deck 5", 18, (10, 42)),
            Line("Boarding closes 21:45", 14, (10, 68), RED),
            Line("keep this ticket until arrival", 12, (10, 90)),
        ),
        codes=(
            Code("QRCode", "FERRY-417-0921", 3, (146, 140)),
            Code("Code128", "NF0417", 1, (8, 190), 44),
            Code("DataMatrix", "DECK5", 3, (20, 118), card=PAPER),
        ),
    ),
    "parcel": Drawing(
        SAND,
        lines=(
            Line("FRAGILE", 30, (12, 8), RED),
            Line("Anna Berger", 18, (12, 52), BROWN),
            Line("Mill Lane 38", 16, (12, 76), BROWN),
            Line("Weight 2.4 kg", 13, (12, 100), BROWN),
        ),
        codes=(
            Code("Code128", "PKG3849", 2, (4, 182), 56),
            Code("DataMatrix", "LOT24", 4, (180, 52)),
        ),
    ),
    "shelf": Drawing(
        "coffee",
        panels=(((8, 8, 248, 104), WHITE),),
        lines=(
            Line("Dark Roast", 24, (16, 14)),
            Line("Price 7.95", 20, (16, 46), RED),
            Line("500 grams whole beans", 13, (16, 78)),
        ),
        codes=(
            Code("EAN13", "4006381333931", 2, (12, 176), 56),
            Code("QRCode", "roast-0500", 2, (180, 18), card=WHITE),
        ),
    ),
    "poster": Drawing(
        "chelsea",
        panels=(((0, 0, 256, 66), NAVY),),
        lines=(
            Line("Cats Museum", 28, (12, 4), WHITE),
            Line("open daily from ten", 18, (12, 38), YELLOW),
            Line("Room 12", 26, (12, 80), WHITE),
            Line("upstairs left", 16, (12, 116), WHITE),
        ),
        codes=(
            Code("QRCode", "https://example.org/cats", 4, (122, 122)),
            Code("Aztec", "ROOM12", 5, (14, 160)),
        ),
    ),
    "screen": Drawing(
        NAVY,
        lines=(
            Line("Gate B22", 32, (12, 8), YELLOW),
            Line("Flight 6071 Oslo", 18, (12, 52), WHITE),
            Line("delayed until 18:30", 14, (12, 78), GREY),
            Line("next announcement soon", 12, (12, 100), GREY),
        ),
        codes=(
            Code("PDF417", "B22", 1, (12, 176)),
            Code("QRCode", "OSLO6071", 3, (160, 160), bar=WHITE, card=NAVY),
            Code("EAN8", "96385074", 1, (152, 118), 26),
        ),
    ),
    "sign": Drawing(
        "rocket",
        panels=(((10, 10, 246, 116), YELLOW),),
        lines=(
            Line("Launch Pad 39", 26, (20, 16), BLACK),
            Line("Authorised staff only", 18, (20, 50), BLACK),
            Line("Helmets required beyond", 14, (20, 76), BLACK),
            Line("this line", 14, (20, 94), BLACK),
        ),
        codes=(
            Code("EAN8", "12345670", 2, (8, 182), 50),
            Code("DataMatrix", "PAD39", 5, (170, 170)),
        ),
    ),
}


def drawn(drawing: Drawing) -> Image.Image:
    """Return a picture of 256x256."""
    picture = _ground(drawing.ground)
    pen = ImageDraw.Draw(picture)
    for box, colour in drawing.panels:
        pen.rectangle(box, fill=colour)
    for line in drawing.lines:
        font = ImageFont.load_default(size=line.size)
        pen.text(line.corner, line.text, fill=line.colour, font=font)
    for code in drawing.codes:
        picture.paste(_printed(code), code.corner)
    return picture


def _ground(ground: str | Colour) -> Image.Image:
    """Return a photograph, scaled to the short side, or a colour that a lamp lights from above."""
    if isinstance(ground, str):
        photograph = Image.fromarray(getattr(data, ground)())
        side = min(photograph.size)
        return photograph.resize((SIDE, SIDE), Image.Resampling.LANCZOS, (0, 0, side, side))
    down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    light = 1.05 - 0.15 * down - 0.05 * across
    levels = np.clip(light[..., None] * np.array(ground), 0, 255)
    return Image.fromarray(levels.round().astype(np.uint8))


def _printed(code: Code) -> Image.Image:
    import zxingcpp  # noqa: PLC0415 - an extra

    kind = getattr(zxingcpp.BarcodeFormat, code.kind)
    modules: Any = np.array(zxingcpp.create_barcode(code.content, kind).to_image(scale=1))
    if code.height:
        bars = np.repeat(modules.min(axis=0)[None], code.height, axis=0)
        modules = np.repeat(bars, code.module, axis=1)
    else:
        modules = modules.repeat(code.module, axis=0).repeat(code.module, axis=1)
    colours = np.where(modules[..., None] < 128, np.array(code.bar), np.array(code.card))
    return Image.fromarray(colours.astype(np.uint8))


def main() -> None:
    """Draw the pictures; print what is read in each."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in DRAWINGS.items():
        picture = drawn(drawing)
        picture.save(folder / f"{name}.png", optimize=True)
        pixels = np.asarray(picture)
        wanted = sorted(code.content for code in drawing.codes)
        words = sorted(" ".join(line.text for line in drawing.lines).split())
        print(name, sorted(text for _, text in codes_in(pixels).elements()), wanted)
        print(name, sorted(words_in(pixels).elements()), words)


if __name__ == "__main__":
    main()
