"""One operating point at one budget -> one row of the board. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.metrics.scores import psnr_of
from bench.store.records import MeasureRecord
from leaderboard.aggregate.bootstrap import Estimate, mean
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.collisions import Collisions, collisions
from leaderboard.aggregate.extra_metrics import MetricColumn, metric_columns
from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.goals import Goal
from leaderboard.aggregate.smallest import SmallestBudgets
from leaderboard.aggregate.threats import ATTACKS, GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.aggregate.worst_case import GainOverBaseline, WorstCase, excess_over, worst_case

NOISE_ONLY = "noise only"
"""Stored text of how an operating point was attacked that was scored on noise alone."""

UNATTACKED = "not attacked"
"""Stored text of how an operating point was attacked that has only corrupted pictures."""

_STAGES = {
    "clean": "the source picture",
    "craft": "the search",
    "attacked": "the adversarial picture",
    None: "the evaluation",
}


@dataclass(frozen=True)
class CleanStats:
    """Scores of the source pictures that count, mean over the pictures.

    Attributes:
        bpp: bits per pixel.
        psnr: in dB.
        luma_psnr: PSNR of the luma, in dB.
        ms_ssim: None below 161 pixels.
        vmaf: None where the suite does not ask for it.
        encoding: seconds per megapixel, on the machine of the run; None if not known.
        decoding: seconds per megapixel, on the machine of the run; None if not known.
        encoding_memory: peak memory of encoding in megabytes; None where a picture lacks it.
        decoding_memory: peak memory of decoding in megabytes; None where a picture lacks it.
        extra: the metrics that the suite names.
    """

    bpp: Estimate | None
    psnr: Estimate | None
    luma_psnr: Estimate | None
    ms_ssim: Estimate | None
    vmaf: Estimate | None
    encoding: Estimate | None
    decoding: Estimate | None
    encoding_memory: Estimate | None
    decoding_memory: Estimate | None
    extra: dict[MetricColumn, Estimate | None]


@dataclass(frozen=True)
class Exclusions:
    """Pictures without scores of their own.

    Attributes:
        cells: number of adversarial and noisy pictures that were to be scored.
        failed: those that the codec could not encode or decode; they count as mid-grey at 24 bpp,
            or as the clean picture where that is worse.
        unsupported: those that the codec does not support or that could not be searched for; they
            do not count.
        refused: those of the unsupported ones that were found and that the codec does not support.
        clean: source pictures that the codec could not encode or decode; they do not count.
        reasons: each reason with its count; reasons of the suite's own metrics come last.
    """

    cells: int
    failed: int
    unsupported: int
    refused: int
    clean: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RowKey:
    """The identity of a row.

    Attributes:
        run: name of its run on the board.
        codec: label of the operating point.
        budget: label of the budget.
        threat: stored text of how it was attacked: "white-box" (through its own gradients), the
            threats without gradients, "noise only", "not attacked" or "not yet".
        kinds: the threats that make up its worst case.
        n_pictures: number of pictures in the suite.
        reference: whether it is the lossless reference.
        subsampled: whether the codec uses 4:2:0 chroma subsampling.
    """

    run: str
    codec: str
    budget: str
    threat: str
    kinds: tuple[str, ...]
    n_pictures: int
    reference: bool
    subsampled: bool

    @property
    def through_gradients(self) -> bool:
        """Whether it was attacked through its own gradients."""
        return self.threat == GRADIENTS


@dataclass(frozen=True)
class Row:
    """One operating point at one budget.

    Attributes:
        place: its identity.
        pictures: number of pictures that count: their clean, noisy and adversarial versions all
            have scores.
        clean: clean scores; None if no picture counts.
        attack: worst case of all attacks; None if none has scores.
        noise: worst case of noise at the same budget; None if none has scores.
        by_threat: worst case of each threat without gradients, by name.
        gain: excess of the attacks over noise.
        over_lossless: excess of the attacks over the lossless reference on the same adversarial
            pictures; None if these were not scored on it.
        losses: pictures without scores of their own.
        flags: warnings beside the scores.
        smallest: the smallest budgets that reach each goal, if the suite searches for them.
        collisions: bitstream collisions; None if the suite does not search for them.
    """

    place: RowKey
    pictures: int
    clean: CleanStats | None
    attack: WorstCase | None
    noise: WorstCase | None
    by_threat: dict[str, WorstCase]
    gain: GainOverBaseline | None
    over_lossless: GainOverBaseline | None
    losses: Exclusions
    flags: tuple[Flag, ...]
    smallest: Mapping[Goal, SmallestBudgets]
    collisions: Collisions | None

    @property
    def reference(self) -> bool:
        """Whether it is the lossless reference."""
        return self.place.reference


def row(
    place: RowKey,
    case: CellGroup,
    flags: Iterable[Flag],
    lossless: CellGroup | None,
    smallest: Mapping[Goal, SmallestBudgets],
) -> Row:
    """Return the row of one operating point at one budget.

    Args:
        place: its identity.
        case: its records.
        flags: warnings beside the scores.
        lossless: records of the lossless reference at the same budget.
        smallest: the smallest budgets that reach each goal.
    """
    own = case.of(GRADIENTS) if place.through_gradients else case.of(*place.kinds)
    attacks, noises = case.of(*place.kinds), case.of(NOISE)
    counted = countable(case, own or attacks, noises)
    attack, noise = worst_case(attacks, counted), worst_case(noises, counted)
    by_threat = {kind: worst_case(case.of(kind), counted) for kind in WITHOUT_GRADIENTS}
    on_lossless = worst_case(_on_lossless(attacks, lossless), counted)
    return Row(
        place=place,
        pictures=len(counted),
        clean=_clean(case, counted),
        attack=attack,
        noise=noise,
        by_threat={kind: worst for kind, worst in by_threat.items() if worst is not None},
        gain=excess_over(noise, attack),
        over_lossless=excess_over(on_lossless, attack),
        losses=_losses(case),
        flags=tuple(flags),
        smallest=smallest,
        collisions=collisions(case),
    )


def kinds(case: CellGroup) -> tuple[str, ...]:
    """Return the threats that an operating point was to be scored on, white-box first."""
    return tuple(kind for kind in ATTACKS if kind in case.crafts)


def countable(case: CellGroup, *kinds: Sequence[ScoredAttack]) -> list[str]:
    """Return the pictures with clean scores and with scores of every non-empty kind of attack."""
    names = [{attack.picture for attack in kind} for kind in kinds if kind]
    return [picture for picture in case.clean if all(picture in known for known in names)]


def _on_lossless(attacks: Iterable[ScoredAttack], lossless: CellGroup | None) -> list[ScoredAttack]:
    """Return the same adversarial pictures as they were scored on the lossless reference."""
    keys = {attack.craft.key for attack in attacks}
    scored = lossless.scored if lossless else ()
    return [attack for attack in scored if attack.craft.key in keys]


def _clean(case: CellGroup, pictures: Sequence[str]) -> CleanStats | None:
    if not pictures:
        return None
    scores = [case.clean[picture] for picture in pictures]
    speeds = case.speeds(pictures)
    return CleanStats(
        bpp=mean(score.bpp_clean for score in scores),
        psnr=mean(score.psnr_clean for score in scores),
        luma_psnr=mean(psnr_of(score.luma_mse_clean) for score in scores),
        ms_ssim=mean(score.ms_ssim_clean for score in scores),
        vmaf=mean(score.vmaf_clean for score in scores),
        encoding=mean(encoding for encoding, _ in speeds),
        decoding=mean(decoding for _, decoding in speeds),
        encoding_memory=mean(_megabytes(case.peaks[picture][0]) for picture in pictures),
        decoding_memory=mean(_megabytes(case.peaks[picture][1]) for picture in pictures),
        extra={metric: mean(map(metric.clean, scores)) for metric in metric_columns(scores)},
    )


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / 1e6


def _losses(case: CellGroup) -> Exclusions:
    counts = Counter((record.status, record.stage) for record in case.lost)
    reasons = Counter([*map(_reason, case.lost), *_missing_metrics(case)])
    return Exclusions(
        cells=case.cells,
        failed=counts["failed", "attacked"],
        unsupported=counts["unsupported", "attacked"] + counts["unsupported", "craft"],
        refused=counts["unsupported", "attacked"],
        clean=len({record.picture for record in case.lost if record.stage == "clean"}),
        reasons=tuple(f"{reason} ({count})" for reason, count in reasons.items()),
    )


def _missing_metrics(case: CellGroup) -> Iterator[str]:
    """Yield why a metric of the suite has no value, once per picture."""
    attacked = (attack.scores for attack in case.scored if not attack.failed)
    for scores in (*case.clean.values(), *attacked):
        for label, score in scores.extra.items():
            if score.reason:
                yield f"the metric {label} gave no value: {score.reason}"


def _reason(record: MeasureRecord) -> str:
    outcome = "failed" if record.status == "failed" else "is unsupported"
    return f"{_STAGES[record.stage]} {outcome}: {record.reason}"
