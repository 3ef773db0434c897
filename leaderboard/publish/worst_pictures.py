"""The worst adversarial pictures of a codec, encoded again: the evidence that an entry contains.

adversarial pictures --largest PSNR drop, largest rate increase--> PNG, bitstream
--worst over all quality settings--> views for the page
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bench.codec import Codec, Differentiable, Image
from bench.errors import ImageError, StoreError, one_line
from bench.images.png import decode_png
from bench.isolation.coder import Coder
from bench.metrics.scores import psnr
from bench.planning.jobs import Draw
from bench.planning.resolve import make_codec
from bench.scoring.measure import coder_to_score
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.store.pictures import picture_file
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
class WorstPictures:
    """The worst pictures of an entry.

    Attributes:
        worst: the pictures.
        files: the archive and the views, by name.
        archive: SHA-256 of every file in the archive, by name.
    """

    worst: list[Worst]
    files: dict[str, bytes]
    archive: dict[str, str]


@dataclass(frozen=True)
class _Recoded:
    """One of the worst pictures, encoded again."""

    worst: Worst
    weight: float
    attacked: bytes
    bitstream: bytes
    shown: Shown

    @property
    def place(self) -> tuple[str, str, Lost]:
        """Operating point, budget and kind of loss."""
        return self.worst.codec, self.worst.budget, self.worst.lost


def worst_pictures(run: Run, again: ReplannedRun, labels: Sequence[str]) -> WorstPictures:
    """Return the worst pictures of a codec.

    Args:
        run: the run with its records and saved pictures.
        again: the replanned run.
        labels: labels of the codec's operating points.

    Raises:
        BenchError: a codec or a picture is not available, or encoding it again gives other scores.
    """
    codecs = {label: make_codec(again.points[label]) for label in labels}
    pictures = [
        _recoded(run, again, codecs[worst.codec], worst, attack)
        for worst, attack in hardest(run, labels)
    ]
    archive = {name: content for one in pictures for name, content in _evidence(one)}
    by_place = {one.place: views(one.shown) for one in _shown(pictures)}
    files = {
        _file(one, title): webp(title, image)
        for one in pictures
        for title, image in by_place.get(one.place, {}).items()
    }
    return WorstPictures(
        worst=[_with_views(one, by_place.get(one.place, {})) for one in pictures],
        files={ARCHIVE: zipped(archive), **files},
        archive={name: sha256(content) for name, content in archive.items()},
    )


def hardest(run: Run, labels: Iterable[str]) -> Iterator[tuple[Worst, ScoredAttack]]:
    """Yield the worst pictures of operating points at each budget, from the records only.

    Args:
        run: the run with its records.
        labels: labels of the operating points.

    Raises:
        StoreError: a score refers to a search without a record.
    """
    groups = cases(run, setting(run))
    for label in labels:
        for (victim, budget), case in groups.items():
            attacks = [attack for attack in case.of(*ATTACKS) if not attack.failed]
            if victim == label and attacks:
                for lost, loss in _LOSSES.items():
                    losses = [loss(attack.scores) for attack in attacks]
                    attack = attacks[losses.index(max(losses))]
                    yield _worst(label, budget, lost, attack), attack


def _drop(scores: Scores) -> float:
    return -scores.psnr_source if scores.drop_db is None else scores.drop_db


def _increase(scores: Scores) -> float:
    return scores.bpp_factor


_LOSSES: dict[Lost, Callable[[Scores], float]] = {"PSNR": _drop, "rate": _increase}


def _worst(label: str, budget: str, lost: Lost, attack: ScoredAttack) -> Worst:
    return Worst(
        codec=label,
        budget=budget,
        picture=attack.picture,
        craft=attack.craft.key,
        attack=search_in_words(attack),
        lost=lost,
        psnr_clean=attack.scores.psnr_clean,
        psnr_source=attack.scores.psnr_source,
        bpp_clean=attack.scores.bpp_clean,
        bpp=attack.scores.bpp,
        bitstream=f"bitstreams/{slug(label)}-{attack.craft.key}.bin",
    )


def _recoded(
    run: Run, again: ReplannedRun, codec: Codec, worst: Worst, attack: ScoredAttack
) -> _Recoded:
    label, key = worst.codec, attack.craft.key
    saved, attacked = _saved(run, key)
    source = next(p.pixels for p in again.pictures if p.name == attack.picture)
    roundtrips = _roundtrips(again, codec, label, attack, (source, attacked))
    if roundtrips is None:
        raise StoreError(
            f"{label} gives other scores for the picture of the search {key} than {run.folder}"
            " says; publish on the machine of the run, or see `bench verify`"
        )
    clean, coded = roundtrips
    bare = None if again.points[label].defence else codec
    mapped = bare if isinstance(bare, Differentiable) else None
    shown = Shown(source, attacked, clean.image, coded.image, mapped)
    return _Recoded(worst, _LOSSES[worst.lost](attack.scores), saved, coded.bitstream, shown)


def _roundtrips(
    again: ReplannedRun,
    codec: Codec,
    label: str,
    attack: ScoredAttack,
    images: tuple[Image, Image],
) -> tuple[RoundTrip, RoundTrip] | None:
    """Return the round trips of source and adversarial picture with the draw that was scored.

    None if no draw of the plan gives the recorded scores.
    """
    source, attacked = images
    for draw in _draws(again, label, attack.craft.key):
        victim = coder_to_score(codec, draw)
        coded = _coded(victim, label, attacked)
        reached = (len(coded.bitstream), psnr(source, coded.image))
        if reached == (attack.scores.bytes, attack.scores.psnr_source):
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
        raise StoreError(f"{run.folder / picture_file(key)} is missing; run the suite again")
    try:
        return content, decode_png(content)
    except ImageError as error:
        raise StoreError(f"{run.folder / picture_file(key)}: {one_line(error)}") from error


def _coded(coder: Coder, label: str, image: Image) -> RoundTrip:
    roundtrip = encode_decode(coder, image)
    if not isinstance(roundtrip, RoundTrip):
        raise StoreError(
            f"{label} cannot encode a picture here that it encoded in the run: {roundtrip.reason}"
        )
    return roundtrip


def _evidence(one: _Recoded) -> Iterator[tuple[str, bytes]]:
    yield picture_file(one.worst.craft), one.attacked
    yield one.worst.bitstream, one.bitstream


def _shown(pictures: Iterable[_Recoded]) -> list[_Recoded]:
    """Return, for each budget and kind of loss, the worst picture over all quality settings."""
    best: dict[tuple[str, str], _Recoded] = {}
    for one in pictures:
        key = (one.worst.budget, one.worst.lost)
        if key not in best or one.weight > best[key].weight:
            best[key] = one
    return list(best.values())


def _with_views(one: _Recoded, titles: Iterable[str]) -> Worst:
    """Return the record of a picture with the files of its views."""
    return one.worst.model_copy(update={"views": {title: _file(one, title) for title in titles}})


def _file(one: _Recoded, title: str) -> str:
    """Return the name of a view's file."""
    return f"shown/{slug(f'{one.worst.budget} {one.worst.lost} {title}')}.webp"
