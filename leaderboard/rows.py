"""One operating point at one budget -> one row of the board. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from bench.record import MeasureRecord, Scores
from leaderboard.cells import Case, Scored
from leaderboard.damage import Damage, Gain, damage, gain
from leaderboard.flags import Flag

Exposure: TypeAlias = Literal["white-box", "black-box", "transfer", "noise only", "not yet"]
"""How an operating point was attacked; "white-box": through its own gradients; "black-box":
by queries of it alone."""


@dataclass(frozen=True)
class Clean:
    """What the codec does to the source pictures that count.

    Attributes:
        bpp: bits per pixel, mean.
        psnr: in dB, mean.
    """

    bpp: float
    psnr: float


@dataclass(frozen=True)
class Losses:
    """What has no scores of its own.

    Attributes:
        cells: how many attacked pictures, noisy ones among them, were due to be coded.
        failed: of these, the codec could not code or decode; they count as
            mid-grey at 24 bpp, or as the clean picture where that is worse.
        unsupported: of these, it does not offer, or the search for them was not possible; they
            do not count.
        clean: source pictures that did not come through the codec; they do not count.
        reasons: every reason with how often it was given.
    """

    cells: int
    failed: int
    unsupported: int
    clean: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a row belongs.

    Attributes:
        run: name of its run on the board.
        codec: label of the operating point.
        budget: label of the budget.
        threat: how it was attacked.
        asked: how many pictures the suite has.
        reference: whether it is the lossless codec that shows the attacked pictures as they are.
    """

    run: str
    codec: str
    budget: str
    threat: Exposure
    asked: int
    reference: bool


@dataclass(frozen=True)
class Row:
    """One operating point at one budget.

    Attributes:
        place: which, and how it was attacked.
        pictures: how many count: their clean, noisy and attacked versions all have scores.
        clean: what the codec does without an attack; None if no picture counts.
        attack: what the attacks did, of a white-box or black-box row those through other codecs
            (transfer) too; None if none has scores.
        noise: what noise at the same budget did; None if none has scores.
        gain: of the attacks over noise.
        losses: what has no scores of its own.
        flags: what to know beside the scores.
    """

    place: Place
    pictures: int
    clean: Clean | None
    attack: Damage | None
    noise: Damage | None
    gain: Gain | None
    losses: Losses
    flags: tuple[Flag, ...]

    @property
    def reference(self) -> bool:
        """Whether it is the lossless codec that shows the attacked pictures as they are."""
        return self.place.reference


def row(place: Place, case: Case, flags: Iterable[Flag]) -> Row:
    """Return the row of one case."""
    own, noises = case.of(place.threat), case.of("noise")
    aimed = place.threat in {"white-box", "black-box"}
    attacks = own + case.of("transfer") if aimed else own
    counted = _counted(case, own or attacks, noises)
    attack, noise = damage(attacks, counted), damage(noises, counted)
    return Row(
        place=place,
        pictures=len(counted),
        clean=_clean([case.clean[picture] for picture in counted]),
        attack=attack,
        noise=noise,
        gain=gain(attack, noise),
        losses=_losses(case),
        flags=tuple(flags),
    )


def exposure(case: Case) -> Exposure:
    """Return how an operating point was attacked, by its strongest kind of picture."""
    if "white-box" in case.crafts:
        return "white-box"
    if "black-box" in case.crafts:
        return "black-box"
    if "transfer" in case.crafts:
        return "transfer"
    return "noise only" if "noise" in case.crafts else "not yet"


def _counted(case: Case, *kinds: Sequence[Scored]) -> list[str]:
    """Return the pictures that have clean scores and some of each kind that was scored."""
    names = [{one.picture for one in kind} for kind in kinds if kind]
    return [picture for picture in case.clean if all(picture in known for known in names)]


def _clean(scores: Sequence[Scores]) -> Clean | None:
    if not scores:
        return None
    return Clean(
        bpp=fmean(one.bpp_clean for one in scores),
        psnr=fmean(one.psnr_clean for one in scores),
    )


def _losses(case: Case) -> Losses:
    counts = Counter((record.status, record.stage) for record in case.lost)
    told = Counter(_told(record) for record in case.lost)
    return Losses(
        cells=case.cells,
        failed=counts["failed", "attacked"],
        unsupported=counts["unsupported", "attacked"] + counts["unsupported", "craft"],
        clean=counts["failed", "clean"] + counts["unsupported", "clean"],
        reasons=tuple(f"{reason} ({count})" for reason, count in told.items()),
    )


def _told(record: MeasureRecord) -> str:
    where = {
        "clean": "the source picture",
        "craft": "the search",
        "attacked": "the attacked picture",
        None: "the cell",
    }[record.stage]
    return f"{where} {'failed' if record.status == 'failed' else 'is unsupported'}: {record.reason}"
