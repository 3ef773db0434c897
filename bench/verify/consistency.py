"""Consistency of a record: its scores against each other, the clean record and the budget.

bytes, errors, H x W --bench.scoring.score--> rates, PSNR, drops, costs
record of the clean picture --> scores of x that every record of x' repeats
budget --> largest perturbation; of a floor, only its additional linf bound

Nothing is coded. These checks also apply to records without saved pictures: whoever alters one of
their scores must alter all scores that follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bench.budget import L2, Budget, Linf, Mse
from bench.codec import Image
from bench.floors.floor import Floor
from bench.planning.jobs import MeasureJob
from bench.scoring.measure import RANDOMISED
from bench.scoring.score import ERRORS, derived_scores
from bench.store.records import MeasureRecord, Scores

_SLACK = 1e-9
"""Relative tolerance for rounding errors."""

_REPEATED = {"bpp_clean": "bpp"} | {
    f"{name}_clean": f"{name}_source" for name in ("mse", "luma_mse", "ssim", "ms_ssim", "vmaf")
}
"""Scores of the clean picture that every record repeats, and their names in the clean record."""

CleanScores: TypeAlias = dict[tuple[str, str, int | None], Scores]
"""Scores of the source pictures by codec, picture and draw."""


def clean_scores(records: Iterable[MeasureRecord]) -> CleanScores:
    """Return the scores of every deterministic codec on every source picture."""
    return {
        (record.victim, record.picture, record.draw): record.scores
        for record in records
        if record.threat == "clean" and record.scores and RANDOMISED not in record.flags
    }


def inconsistencies(
    cell: MeasureJob, kept: MeasureRecord, clean: CleanScores, rd_lambda: float
) -> Iterator[str]:
    """Yield the inconsistencies in the scores of one evaluation, without coding it again.

    Args:
        cell: the evaluation in the plan of the suite.
        kept: its record.
        clean: scores of the clean pictures of the same run.
        rd_lambda: weight of 255^2 MSE in the R-D cost of the suite.
    """
    scores = kept.scores
    if scores is None:
        return
    yield from _derived_differences(scores, cell.picture.pixels, rd_lambda)
    source = clean.get((kept.victim, kept.picture, kept.draw))
    if source is not None:
        yield from _clean_differences(scores, source)
    if cell.craft is not None:
        yield from _budget_violations(scores, cell.picture.pixels, cell.craft.budget)


def _derived_differences(scores: Scores, source: Image, rd_lambda: float) -> Iterator[str]:
    errors = {name: getattr(scores, f"mse_{name}") for name in ERRORS}
    derived = derived_scores(scores.bytes, scores.bpp_clean, errors, source, rd_lambda)
    for name, value in derived.items():
        if not _is_same(getattr(scores, name), value):
            yield f"{name} is {getattr(scores, name)}, by its other figures {value}"


def _clean_differences(scores: Scores, clean: Scores) -> Iterator[str]:
    for name, clean_name in _REPEATED.items():
        repeated, original = getattr(scores, name), getattr(clean, clean_name)
        if not _is_same(repeated, original):
            yield f"{name} is {repeated}, the record of the clean picture has {original}"


def _budget_violations(scores: Scores, source: Image, budget: Budget) -> Iterator[str]:
    sizes = {
        Linf: scores.linf,
        L2: math.sqrt(scores.mse_perturbation * source.size) * 255,
        Mse: scores.mse_perturbation,
    }
    size = sizes.get(type(budget), 0.0)
    if size > budget.radius * (1 + _SLACK):
        yield f"its picture is {size:.6g} {budget.unit} from its source, outside {budget}"
    if isinstance(budget, Floor) and budget.cap is not None and scores.linf > budget.cap:
        yield f"its picture is {scores.linf:g} {Linf.unit} from its source, outside {budget}"


def _is_same(recorded: float | None, expected: float | None) -> bool:
    if recorded is None or expected is None:
        return recorded is expected
    return math.isclose(recorded, expected, rel_tol=_SLACK)
