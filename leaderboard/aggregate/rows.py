"""One operating point at one budget -> one row of the board. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.metrics.scores import psnr_of
from bench.store.records import MeasureRecord, Scores
from leaderboard.aggregate.bootstrap import Estimate, mean
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.extra_metrics import MetricColumn, gauges
from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.threats import ATTACKS, GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.aggregate.worst_case import GainOverBaseline, WorstCase, damage, gain


@dataclass(frozen=True)
class CleanStats:
    """What the codec does to the source pictures that count, mean over them.

    Attributes:
        bpp: bits per pixel.
        psnr: in dB.
        luma_psnr: of the luma alone, in dB.
        ms_ssim: None below 161 pixels.
        vmaf: None where the suite did not ask for it.
        encoding: seconds a megapixel, on the machine that ran it.
        decoding: likewise.
        encoding_memory: megabytes that encoding took at most; None where a picture lacks it.
        decoding_memory: likewise.
        extra: what the suite's own metrics say.
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
    """What has no scores of its own.

    Attributes:
        cells: how many attacked pictures, noisy ones among them, were due to be coded.
        failed: of these, the codec could not code or decode; they count as
            mid-grey at 24 bpp, or as the clean picture where that is worse.
        unsupported: of these, it does not offer, or the search for them was not possible; they
            do not count.
        refused: of the unsupported ones, those that were searched and that it does not offer.
        clean: source pictures that did not come through the codec; they do not count.
        reasons: every reason with how often it was given, those of the suite's own metrics last.
    """

    cells: int
    failed: int
    unsupported: int
    refused: int
    clean: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RowKey:
    """Where a row belongs.

    Attributes:
        run: name of its run on the board.
        codec: label of the operating point.
        budget: label of the budget.
        threat: how it was attacked, in words: "white-box" (through its own gradients), the kinds
            that need none, "noise only" or "not yet".
        kinds: the kinds of attacked pictures that make its worst case.
        asked: how many pictures the suite has.
        reference: whether it is the lossless codec that shows the attacked pictures as they are.
        subsampled: whether the codec keeps colour at half the size (4:2:0).
    """

    run: str
    codec: str
    budget: str
    threat: str
    kinds: tuple[str, ...]
    asked: int
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
        place: which, and how it was attacked.
        pictures: how many count: their clean, noisy and attacked versions all have scores.
        clean: what the codec does without an attack; None if no picture counts.
        attack: what the attacks did, of a white-box row those without gradients too; None if none
            has scores.
        noise: what noise at the same budget did; None if none has scores.
        apart: what each kind of attack without gradients did alone, by its name.
        gain: of the attacks over noise.
        over_lossless: of the attacks over what the same pictures do to the lossless codec; None if
            it was not given them.
        losses: what has no scores of its own.
        flags: what to know beside the scores.
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

    @property
    def reference(self) -> bool:
        """Whether it is the lossless codec that shows the attacked pictures as they are."""
        return self.place.reference


def row(place: RowKey, case: CellGroup, flags: Iterable[Flag], lossless: CellGroup | None) -> Row:
    """Return the row of one case.

    Args:
        place: where it belongs.
        case: what is known of it.
        flags: what to know beside the scores.
        lossless: what is known of the lossless codec at the same budget.
    """
    own = case.of(GRADIENTS) if place.through_gradients else case.of(*place.kinds)
    attacks, noises = case.of(*place.kinds), case.of(NOISE)
    counted = countable(case, own or attacks, noises)
    attack, noise = damage(attacks, counted), damage(noises, counted)
    apart = {kind: damage(case.of(kind), counted) for kind in WITHOUT_GRADIENTS}
    given = {one.craft.key for one in attacks}
    kept = [one for one in (lossless.scored if lossless else ()) if one.craft.key in given]
    return Row(
        place=place,
        pictures=len(counted),
        clean=_clean(case, counted),
        attack=attack,
        noise=noise,
        by_threat={kind: found for kind, found in apart.items() if found is not None},
        gain=gain(attack, noise),
        over_lossless=gain(attack, damage(kept, counted)),
        losses=_losses(case),
        flags=tuple(flags),
    )


def kinds(case: CellGroup) -> tuple[str, ...]:
    """Return the kinds of attack an operating point was due, that through gradients first."""
    return tuple(kind for kind in ATTACKS if kind in case.crafts)


def countable(case: CellGroup, *kinds: Sequence[ScoredAttack]) -> list[str]:
    """Return the pictures that have clean scores and some of each kind that was scored."""
    names = [{one.picture for one in kind} for kind in kinds if kind]
    return [picture for picture in case.clean if all(picture in known for known in names)]


def _clean(case: CellGroup, pictures: Sequence[str]) -> CleanStats | None:
    if not pictures:
        return None
    scores = [case.clean[picture] for picture in pictures]
    times = [case.seconds[picture] for picture in pictures]
    sizes = [_megapixels(one) for one in scores]
    return CleanStats(
        bpp=mean(one.bpp_clean for one in scores),
        psnr=mean(one.psnr_clean for one in scores),
        luma_psnr=mean(psnr_of(one.luma_mse_clean) for one in scores),
        ms_ssim=mean(one.ms_ssim_clean for one in scores),
        vmaf=mean(one.vmaf_clean for one in scores),
        encoding=mean(encode / size for (encode, _), size in zip(times, sizes, strict=True)),
        decoding=mean(decode / size for (_, decode), size in zip(times, sizes, strict=True)),
        encoding_memory=mean(_megabytes(case.peaks[picture][0]) for picture in pictures),
        decoding_memory=mean(_megabytes(case.peaks[picture][1]) for picture in pictures),
        extra={told: mean(map(told.clean, scores)) for told in gauges(scores)},
    )


def _megapixels(scores: Scores) -> float:
    return 8 * scores.bytes / scores.bpp / 1e6


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / 1e6


def _losses(case: CellGroup) -> Exclusions:
    counts = Counter((record.status, record.stage) for record in case.lost)
    told = Counter([*map(_told, case.lost), *_silent(case)])
    return Exclusions(
        cells=case.cells,
        failed=counts["failed", "attacked"],
        unsupported=counts["unsupported", "attacked"] + counts["unsupported", "craft"],
        refused=counts["unsupported", "attacked"],
        clean=len({record.picture for record in case.lost if record.stage == "clean"}),
        reasons=tuple(f"{reason} ({count})" for reason, count in told.items()),
    )


def _silent(case: CellGroup) -> Iterator[str]:
    """Yield why a metric of the suite told nothing, once for each picture."""
    attacked = (one.scores for one in case.scored if not one.failed)
    for scores in (*case.clean.values(), *attacked):
        for label, told in scores.extra.items():
            if told.reason:
                yield f"the metric {label} gave no value: {told.reason}"


def _told(record: MeasureRecord) -> str:
    where = {
        "clean": "the source picture",
        "craft": "the search",
        "attacked": "the attacked picture",
        None: "the cell",
    }[record.stage]
    return f"{where} {'failed' if record.status == 'failed' else 'is unsupported'}: {record.reason}"
