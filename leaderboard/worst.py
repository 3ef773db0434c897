"""The pictures that hurt a codec most, coded again: what an entry keeps to be looked at.

attacked pictures --the largest loss, the largest growth--> PNG, bitstream
--of all qualities the worst--> views for the page
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from bench.again import Again
from bench.codec import Codec, Image
from bench.errors import ImageError, StoreError, told
from bench.measure import Coded, code
from bench.metrics import psnr
from bench.png import pixels
from bench.record import Scores
from bench.run import make_codec
from bench.store import Run
from bench.verify import in_folder
from leaderboard.cells import Scored, cases, setting
from leaderboard.damage import search_in_words
from leaderboard.entry import ARCHIVE, Worst, sha256, slug
from leaderboard.threats import ATTACKS

Lost: TypeAlias = Literal["PSNR", "rate"]

SIDE = 256
"""Pixels that a view has at most on a side: the part where most is lost."""

AMPLIFIED = 10
"""What changes are multiplied with to be seen."""

_STRIDE = 16
_QUALITY = 75


@dataclass(frozen=True)
class Kept:
    """What an entry keeps of its worst pictures.

    Attributes:
        worst: the pictures.
        files: the archive and the views, by name.
        archive: SHA-256 of every file in the archive, by name.
    """

    worst: list[Worst]
    files: dict[str, bytes]
    archive: dict[str, str]


@dataclass(frozen=True)
class _Found:
    """One of the worst cases, coded again."""

    worst: Worst
    weight: float
    attacked: bytes
    bitstream: bytes
    pictures: tuple[Image, Image, Image, Image]


def keep(run: Run, again: Again, labels: Sequence[str]) -> Kept:
    """Return the worst pictures of a codec.

    Args:
        run: of which the records and the saved pictures count.
        again: what it must have done.
        labels: of the codec's operating points.

    Raises:
        BenchError: a codec or a picture cannot be had, or coding it again gives other figures.
    """
    found = [one for label in labels for one in _of_point(run, again, label)]
    inside = {name: content for one in found for name, content in _evidence(one)}
    shown = _shown(found)
    views = {name: content for one in shown for name, content in _views(one).items()}
    return Kept(
        worst=[
            one.worst.model_copy(update={"views": _titles(one) if one in shown else {}})
            for one in found
        ],
        files={ARCHIVE: _zipped(inside), **views},
        archive={name: sha256(content) for name, content in inside.items()},
    )


def _of_point(run: Run, again: Again, label: str) -> Iterator[_Found]:
    """Yield the worst pictures of an operating point at each budget."""
    codec = make_codec(again.points[label])
    for (victim, budget), case in cases(run, setting(run)).items():
        alive = [one for one in case.of(*ATTACKS) if not one.failed]
        if victim == label and alive:
            for lost, weigh in _LOSSES.items():
                one = max(alive, key=lambda scored, weigh=weigh: weigh(scored.scores))  # type: ignore[misc]
                yield _found(run, again, codec, (label, budget, lost), one)


def _drop(scores: Scores) -> float:
    return -scores.psnr_source if scores.drop_db is None else scores.drop_db


def _growth(scores: Scores) -> float:
    return scores.bpp_factor


_LOSSES: dict[Lost, Callable[[Scores], float]] = {"PSNR": _drop, "rate": _growth}


def _found(
    run: Run, again: Again, codec: Codec, where: tuple[str, str, Lost], one: Scored
) -> _Found:
    label, budget, lost = where
    saved, attacked = _saved(run, one.craft.key)
    source = next(p.pixels for p in again.pictures if p.name == one.picture)
    clean, coded = (_coded(codec, label, image) for image in (source, attacked))
    scores = one.scores
    if (len(coded.bitstream), psnr(source, coded.image)) != (scores.bytes, scores.psnr_source):
        raise StoreError(
            f"{label} codes the picture of the search {one.craft.key} otherwise here than"
            f" {run.folder} says; publish on the machine where it ran, or see `bench verify`"
        )
    worst = Worst(
        codec=label,
        budget=budget,
        picture=one.picture,
        craft=one.craft.key,
        attack=search_in_words(one),
        lost=lost,
        psnr_clean=scores.psnr_clean,
        psnr_source=scores.psnr_source,
        bpp_clean=scores.bpp_clean,
        bpp=scores.bpp,
        bitstream=f"bitstreams/{slug(label)}-{one.craft.key}.bin",
    )
    shown = (source, attacked, clean.image, coded.image)
    return _Found(worst, _LOSSES[lost](scores), saved, coded.bitstream, shown)


def _saved(run: Run, key: str) -> tuple[bytes, Image]:
    """Return a saved adversarial picture, as a file and as pixels."""
    content = in_folder(run).read(key)
    if content is None:
        raise StoreError(f"{run.folder}/adversarial/{key}.png is missing; run the suite again")
    try:
        return content, pixels(content)
    except ImageError as error:
        raise StoreError(f"{run.folder}/adversarial/{key}.png: {told(error)}") from error


def _coded(codec: Codec, label: str, image: Image) -> Coded:
    coded = code(codec, image)
    if not isinstance(coded, Coded):
        raise StoreError(f"{label} does not code a picture here that it coded: {coded.reason}")
    return coded


def _evidence(one: _Found) -> Iterator[tuple[str, bytes]]:
    yield f"adversarial/{one.worst.craft}.png", one.attacked
    yield one.worst.bitstream, one.bitstream


def _zipped(files: dict[str, bytes]) -> bytes:
    """Return an archive, the same bytes for the same files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return stream.getvalue()


def _shown(found: Iterable[_Found]) -> list[_Found]:
    """Return, for each budget and each kind of loss, the worst of all qualities."""
    best: dict[tuple[str, str], _Found] = {}
    for one in found:
        key = (one.worst.budget, one.worst.lost)
        if key not in best or one.weight > best[key].weight:
            best[key] = one
    return list(best.values())


def _titles(one: _Found) -> dict[str, str]:
    """Return the files of the views by their titles."""
    stem = f"shown/{slug(f'{one.worst.budget} {one.worst.lost}')}"
    titles = ("source", "attacked", "decoded", "attacked decoded", "change", "damage")
    return {title: f"{stem}-{slug(title)}.webp" for title in titles}


def _views(one: _Found) -> dict[str, bytes]:
    """Return the files of the views: small, lossy, and only to be looked at."""
    window = _window(one.pictures[0], one.pictures[3])
    source, attacked, clean, hurt = (picture[window] for picture in one.pictures)
    views = (source, attacked, clean, hurt, _grown(source, attacked), _grown(clean, hurt))
    return dict(zip(_titles(one).values(), map(_webp, views), strict=True))


def _window(source: Image, hurt: Image) -> tuple[slice, slice]:
    """Return the part of a picture, at most SIDE wide and high, with the largest error."""
    error = np.square(source.astype(np.int64) - hurt).sum(2)
    height, width = (min(SIDE, side) for side in error.shape)
    total = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = range(0, error.shape[0] - height + 1, _STRIDE)
    lefts = range(0, error.shape[1] - width + 1, _STRIDE)
    top, left = max(
        ((top, left) for top in tops for left in lefts),
        key=lambda at: int(_inside(total, at[0], at[1], height, width)),
    )
    return slice(top, top + height), slice(left, left + width)


def _inside(total: npt.NDArray[np.int64], top: int, left: int, height: int, width: int) -> np.int64:
    """Return the sum over a window, from sums over all windows that begin at the corner."""
    low, right = top + height, left + width
    found: np.int64 = total[low, right] - total[top, right] - total[low, left] + total[top, left]
    return found


def _grown(before: Image, after: Image) -> Image:
    """Return a change, amplified, around grey."""
    change = AMPLIFIED * (after.astype(np.int32) - before)
    grown: Image = np.clip(128 + change, 0, 255).astype(np.uint8)
    return grown


def _webp(image: Image) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(
        stream, format="WEBP", quality=_QUALITY, method=6
    )
    return stream.getvalue()
