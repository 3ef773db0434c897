"""The pictures that hurt a codec most, coded again: what an entry keeps to be looked at.

attacked pictures --the largest loss, the largest growth--> PNG, bitstream
--of all qualities the worst--> views for the page
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bench.codec import Codec, Differentiable, Image
from bench.errors import ImageError, StoreError, one_line
from bench.images.png import decode_png
from bench.metrics.scores import psnr
from bench.planning.jobs import Draw
from bench.planning.resolve import make_codec
from bench.scoring.measure import codec_to_score
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.store.records import Scores
from bench.store.run_folder import Run
from bench.verify.replan import ReplannedRun
from bench.verify.run_folder import saved_pictures
from leaderboard.aggregate.cases import ScoredAttack, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import ATTACKS
from leaderboard.aggregate.worst_case import search_in_words
from leaderboard.publish.archive import zipped
from leaderboard.publish.entry import ARCHIVE, Worst, sha256, slug
from leaderboard.publish.thumbnails import Shown, views, webp

Lost: TypeAlias = Literal["PSNR", "rate"]


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
    shown: Shown

    @property
    def place(self) -> tuple[str, str, Lost]:
        """What it is the worst of."""
        return self.worst.codec, self.worst.budget, self.worst.lost


def keep(run: Run, again: ReplannedRun, labels: Sequence[str]) -> Kept:
    """Return the worst pictures of a codec.

    Args:
        run: of which the records and the saved pictures count.
        again: what it must have done.
        labels: of the codec's operating points.

    Raises:
        BenchError: a codec or a picture cannot be had, or coding it again gives other figures.
    """
    codecs = {label: make_codec(again.points[label]) for label in labels}
    found = [_found(run, again, codecs[one.codec], one, by) for one, by in hardest(run, labels)]
    inside = {name: content for one in found for name, content in _evidence(one)}
    shown = {one.place: views(one.shown) for one in _shown(found)}
    files = {
        _file(one, title): webp(title, image)
        for one in found
        for title, image in shown.get(one.place, {}).items()
    }
    return Kept(
        worst=[_titled(one, shown.get(one.place, {})) for one in found],
        files={ARCHIVE: zipped(inside), **files},
        archive={name: sha256(content) for name, content in inside.items()},
    )


def hardest(run: Run, labels: Iterable[str]) -> Iterator[tuple[Worst, ScoredAttack]]:
    """Yield, by the records alone, the pictures that hurt operating points most at each budget.

    Args:
        run: with the records.
        labels: of the operating points.

    Raises:
        StoreError: scores have no search.
    """
    found = cases(run, setting(run))
    for label in labels:
        for (victim, budget), case in found.items():
            alive = [one for one in case.of(*ATTACKS) if not one.failed]
            if victim == label and alive:
                for lost, weigh in _LOSSES.items():
                    one = max(alive, key=lambda alive, weigh=weigh: weigh(alive.scores))  # type: ignore[misc]
                    yield _worst(label, budget, lost, one), one


def _drop(scores: Scores) -> float:
    return -scores.psnr_source if scores.drop_db is None else scores.drop_db


def _growth(scores: Scores) -> float:
    return scores.bpp_factor


_LOSSES: dict[Lost, Callable[[Scores], float]] = {"PSNR": _drop, "rate": _growth}


def _worst(label: str, budget: str, lost: Lost, one: ScoredAttack) -> Worst:
    return Worst(
        codec=label,
        budget=budget,
        picture=one.picture,
        craft=one.craft.key,
        attack=search_in_words(one),
        lost=lost,
        psnr_clean=one.scores.psnr_clean,
        psnr_source=one.scores.psnr_source,
        bpp_clean=one.scores.bpp_clean,
        bpp=one.scores.bpp,
        bitstream=f"bitstreams/{slug(label)}-{one.craft.key}.bin",
    )


def _found(run: Run, again: ReplannedRun, codec: Codec, worst: Worst, one: ScoredAttack) -> _Found:
    label, lost = worst.codec, worst.lost
    saved, attacked = _saved(run, one.craft.key)
    source = next(p.pixels for p in again.pictures if p.name == one.picture)
    found = _coded_again(again, codec, label, one, (source, attacked))
    if found is None:
        raise StoreError(
            f"{label} codes the picture of the search {one.craft.key} otherwise here than"
            f" {run.folder} says; publish on the machine where it ran, or see `bench verify`"
        )
    clean, coded = found
    tells = None if again.points[label].defence else codec
    shown = Shown(
        source,
        attacked,
        clean.image,
        coded.image,
        tells if isinstance(tells, Differentiable) else None,
    )
    return _Found(worst, _LOSSES[lost](one.scores), saved, coded.bitstream, shown)


def _coded_again(
    again: ReplannedRun, codec: Codec, label: str, one: ScoredAttack, pictures: tuple[Image, Image]
) -> tuple[RoundTrip, RoundTrip] | None:
    """Return source and attacked picture as they were coded; of a codec that draws, by that draw.

    None if no draw of the plan gives what was scored.
    """
    source, attacked = pictures
    for draw in _draws(again, label, one.craft.key):
        victim = codec_to_score(codec, draw)
        coded = _coded(victim, label, attacked)
        reached = (len(coded.bitstream), psnr(source, coded.image))
        if reached == (one.scores.bytes, one.scores.psnr_source):
            return _coded(victim, label, source), coded
    return None


def _draws(again: ReplannedRun, label: str, key: str) -> list[Draw | None]:
    """Return the draws with which an operating point was scored on the picture of a search."""
    return [
        cell.draw
        for group in again.plan.groups
        if group.craft is not None and group.craft.key == key
        for cell in group.cells
        if cell.victim.label == label
    ]


def _saved(run: Run, key: str) -> tuple[bytes, Image]:
    """Return a saved adversarial picture, as a file and as pixels."""
    content = saved_pictures(run).read(key)
    if content is None:
        raise StoreError(f"{run.folder}/adversarial/{key}.png is missing; run the suite again")
    try:
        return content, decode_png(content)
    except ImageError as error:
        raise StoreError(f"{run.folder}/adversarial/{key}.png: {one_line(error)}") from error


def _coded(codec: Codec, label: str, image: Image) -> RoundTrip:
    coded = encode_decode(codec, image)
    if not isinstance(coded, RoundTrip):
        raise StoreError(f"{label} does not code a picture here that it coded: {coded.reason}")
    return coded


def _evidence(one: _Found) -> Iterator[tuple[str, bytes]]:
    yield f"adversarial/{one.worst.craft}.png", one.attacked
    yield one.worst.bitstream, one.bitstream


def _shown(found: Iterable[_Found]) -> list[_Found]:
    """Return, for each budget and each kind of loss, the worst of all qualities."""
    best: dict[tuple[str, str], _Found] = {}
    for one in found:
        key = (one.worst.budget, one.worst.lost)
        if key not in best or one.weight > best[key].weight:
            best[key] = one
    return list(best.values())


def _titled(one: _Found, shown: Iterable[str]) -> Worst:
    """Return what an entry says of one of them, with the files of its views."""
    return one.worst.model_copy(update={"views": {title: _file(one, title) for title in shown}})


def _file(one: _Found, title: str) -> str:
    """Return the name of a view's file."""
    return f"shown/{slug(f'{one.worst.budget} {one.worst.lost} {title}')}.webp"
