"""The example of the first screen: the attack through own gradients with the largest PSNR drop."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.codec import Image
from leaderboard.formatting import decibel, plain
from leaderboard.publish.archive import content
from leaderboard.publish.entry import Worst
from leaderboard.publish.published_board import Published
from leaderboard.publish.thumbnails import window

MAGNIFIED = 2
"""Magnification of the example."""

_VIEWS = {
    "source": "source picture",
    "attacked": "attacked picture",
    "decoded": "decoded",
    "attacked decoded": "after the attack",
}
"""The views of the example, with what they show."""


@dataclass(frozen=True)
class Example:
    """One adversarial picture and what a codec makes of it.

    Attributes:
        codec: short name of the operating point.
        track: name of the track.
        budget: label of the budget.
        before: PSNR of the decoded source picture in dB, as text.
        after: PSNR of the decoded adversarial picture in dB, as text.
        place: left and top of the magnified part, in per cent of what lies outside it.
        images: each view: what it shows, its file, and the file's content as a data address.
    """

    codec: str
    track: str
    budget: str
    before: str
    after: str
    place: tuple[int, int]
    images: tuple[tuple[str, str, str], ...]


def example(published: Iterable[Published], names: Mapping[str, str]) -> Example | None:
    """Return the example of a board; None if no entry has pictures to show.

    Args:
        published: the entries.
        names: the short name of each operating point.
    """
    found = max(_candidates(published), key=lambda pair: _lost(pair[1]), default=None)
    if found is None:
        return None
    one, worst = found
    folder = f"entries/{one.entry.track}/{one.entry.slug}"
    return Example(
        codec=names.get(worst.codec, plain(worst.codec)),
        track=one.entry.track,
        budget=plain(worst.budget),
        before=decibel(worst.psnr_clean),
        after=decibel(worst.psnr_source),
        place=_place(one.folder, worst),
        images=tuple(
            (text, f"{folder}/{worst.views[view]}", _embedded(one.folder, worst.views[view]))
            for view, text in _VIEWS.items()
        ),
    )


def _candidates(published: Iterable[Published]) -> Iterator[tuple[Published, Worst]]:
    """Yield the shown pictures of codecs that were attacked through their own gradients."""
    for one in published:
        for worst in one.entry.worst:
            has_views = worst.lost == "PSNR" and set(worst.views) >= set(_VIEWS)
            if has_views and worst.codec in one.entry.gradients:
                yield one, worst


def _place(folder: Path, worst: Worst) -> tuple[int, int]:
    """Return where the part lies that the attack damages most, half as wide and high."""
    before, after = (_read(folder, worst.views[view]) for view in ("decoded", "attacked decoded"))
    height, width, _ = before.shape
    rows, columns = window(before, after, max(1, min(height, width) // MAGNIFIED))
    return (_percent(columns, width), _percent(rows, height))


def _percent(part: slice, size: int) -> int:
    """Return where a part begins, in per cent of what lies outside it."""
    outside = size - (part.stop - part.start)
    return round(100 * part.start / outside) if outside else 0


def _read(folder: Path, path: str) -> Image:
    with Pillow.open(io.BytesIO(content(folder, path))) as file:
        return np.asarray(file.convert("RGB"))


def _lost(worst: Worst) -> float:
    return worst.psnr_clean - worst.psnr_source


def _embedded(folder: Path, path: str) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content(folder, path)).decode()}"
