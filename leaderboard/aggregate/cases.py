"""A run's records, sorted by what a row of the board is made of: operating point and budget.

    Run, Setting --> {(victim, budget): Case}     clean scores, attacked scores, what has none

A picture that the codec could not code or decode once it was attacked has no scores of its own.
It ranks as mid-grey at 24 bpp, or as the clean picture where that is worse: a failure never makes
a codec look better. The records do not hold the picture, so mid-grey is taken at the error it has
against black, the largest there is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain

from bench.errors import StoreError
from bench.metrics.scores import psnr_of, rd_cost
from bench.registry.registry import ComponentSpec
from bench.store.records import CraftRecord, MeasureRecord, Scores, Threat
from bench.store.run_folder import Run
from leaderboard.aggregate.extra_metrics import failed
from leaderboard.aggregate.suite_info import SuiteInfo

_SUBSAMPLED = frozenset({"h266", "vvc", "webp"})
"""Codecs, by name, that always keep colour at half the size (4:2:0)."""

FAILED_BPP = 24.0
"""Bits per pixel that a failure stands for, at least: the picture, uncompressed."""

FAILED_MSE = (128 / 255) ** 2
"""Mean squared error that a failure stands for, at least: mid-grey (level 128) against black."""


def is_subsampled(choice: ComponentSpec) -> bool:
    """Tell whether a codec keeps colour at half the size (4:2:0): always, or as it is told to."""
    return choice.name in _SUBSAMPLED or dict(choice.params).get("colour") == "yuv420"


@dataclass(frozen=True)
class ScoredAttack:
    """One attacked picture and what it did to one victim.

    Attributes:
        threat: how the picture was made, seen from the victim.
        picture: name of its source.
        craft: the search that made it.
        scores: of the bytes; where the victim failed, of what a failure stands for.
        seconds: what encoding and decoding it took; zeros where it failed.
        failed: whether it did.
    """

    threat: Threat
    picture: str
    craft: CraftRecord
    scores: Scores
    seconds: tuple[float, float]
    failed: bool = False


@dataclass(frozen=True)
class CellGroup:
    """All that is known of one victim at one budget.

    Attributes:
        clean: the scores of the source pictures, by name; of a codec that draws, its first draw's.
        seconds: what encoding and decoding each of them took, by name.
        peaks: the same of memory, in bytes; None where it is not known.
        scored: the attacked pictures.
        crafts: the searches of each kind of picture, those that gave none too.
        cells: how many attacked pictures have a record, where the source picture came through.
        lost: the records without scores of their own, clean pictures first.
        flags: what measuring the source pictures gave rise to, in their order.
    """

    clean: dict[str, Scores]
    seconds: dict[str, tuple[float, float]]
    peaks: dict[str, tuple[int | None, int | None]]
    scored: tuple[ScoredAttack, ...]
    crafts: dict[str, list[CraftRecord]]
    cells: int
    lost: tuple[MeasureRecord, ...]
    flags: tuple[str, ...] = ()

    def of(self, *threats: str) -> list[ScoredAttack]:
        """Return the scored pictures of some kinds."""
        return [scored for scored in self.scored if scored.threat in threats]


def measurements(run: Run) -> list[MeasureRecord]:
    """Return the measurements of a run, the last one of each cell."""
    return list({record.key: record for record in run.measures}.values())


def cases(run: Run, told: SuiteInfo) -> dict[tuple[str, str], CellGroup]:
    """Return the case of every operating point at every budget, measured or not."""
    clean: dict[str, list[MeasureRecord]] = defaultdict(list)
    attacked: dict[tuple[str, str], list[tuple[MeasureRecord, CraftRecord]]] = defaultdict(list)
    for record in measurements(run):
        if record.craft is None:
            clean[record.victim].append(record)
        else:
            craft = _craft(run, record.craft)
            attacked[record.victim, craft.budget].append((record, craft))
    return {
        (victim, str(ball)): _case(clean[victim], attacked[victim, str(ball)], lmbda=told.rd_lambda)
        for ball in told.balls
        for victim in run.manifest.codecs
    }


def _craft(run: Run, key: str) -> CraftRecord:
    try:
        return run.crafts[key]
    except KeyError as error:
        raise StoreError(
            f"{run.folder} has scores of the search {key} but no record of it; run the suite into"
            " another folder"
        ) from error


def _case(
    clean: list[MeasureRecord],
    attacked: list[tuple[MeasureRecord, CraftRecord]],
    lmbda: float,
) -> CellGroup:
    first = [record for record in clean if not record.draw]
    before = {record.picture: record.scores for record in first if record.scores is not None}
    seconds = {one.picture: (one.encode_seconds, one.decode_seconds) for one in first}
    scored = [
        _scored(record, craft, before.get(record.picture), lmbda) for record, craft in attacked
    ]
    crafts: dict[str, list[CraftRecord]] = defaultdict(list)
    for record, craft in attacked:
        if not record.draw:
            crafts[record.threat].append(craft)
    tried = [record for record, _ in attacked if record.stage != "clean"]
    return CellGroup(
        clean=before,
        seconds=seconds,
        peaks={one.picture: (one.encode_peak, one.decode_peak) for one in first},
        scored=tuple(one for one in scored if one is not None),
        crafts=dict(crafts),
        cells=len(tried),
        lost=tuple(record for record in [*clean, *tried] if record.status != "ok"),
        flags=tuple(chain.from_iterable(record.flags for record in first)),
    )


def _scored(
    record: MeasureRecord, craft: CraftRecord, clean: Scores | None, lmbda: float
) -> ScoredAttack | None:
    is_lost = record.status == "failed" and record.stage == "attacked"
    scores = _stand_in(clean, lmbda) if is_lost and clean is not None else record.scores
    if scores is None:
        return None
    seconds = (record.encode_seconds, record.decode_seconds)
    return ScoredAttack(record.threat, record.picture, craft, scores, seconds, is_lost)


def _stand_in(clean: Scores, lmbda: float) -> Scores:
    """Return what a failure stands for, next to the clean scores of the same picture."""
    bpp, mse = max(FAILED_BPP, clean.bpp_clean), max(FAILED_MSE, clean.mse_clean)
    psnr, cost = psnr_of(mse), rd_cost(bpp, mse, lmbda)
    drop = clean.psnr_clean - psnr
    return clean.model_copy(
        update={
            "bpp": bpp,
            "bpp_factor": bpp / clean.bpp_clean,
            **dict.fromkeys(("mse_source", "mse_input", "mse_shift"), mse),
            "luma_mse_source": mse,
            **dict.fromkeys(("psnr_source", "psnr_input", "psnr_shift"), psnr),
            **{f"{name}_source": _nothing(clean, name) for name in ("ssim", "ms_ssim", "vmaf")},
            "drop_db": None if clean.drop_db is None else drop,
            "drop_percent": None if clean.drop_percent is None else 100 * drop / clean.psnr_clean,
            "rd_cost": cost,
            "rd_factor": cost / clean.rd_cost,
            "unexplained": True,
            "extra": {label: failed(one) for label, one in clean.extra.items()},
        }
    )


def _nothing(clean: Scores, name: str) -> float | None:
    """Return the least similarity there is, or None where the clean picture has none either."""
    return None if getattr(clean, f"{name}_clean") is None else 0.0
