"""What a record's scores must be by each other, by its picture and by the record of the clean one.

bytes, errors, H x W --bench.scoring.score--> rates, PSNR, drops, costs
record of the clean picture --> what is said of x beside every x'
budget --> largest change

Nothing is coded, so that records whose pictures were not kept are not taken on trust altogether:
whoever alters one of their figures must alter all that follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bench.budget import L2, Budget, Linf, Mse
from bench.codec import Image
from bench.planning.jobs import MeasureJob
from bench.scoring.measure import RANDOMISED
from bench.scoring.score import ERRORS, derived
from bench.store.records import MeasureRecord, Scores

_SLACK = 1e-9
_OF_THE_CLEAN = {"bpp_clean": "bpp"} | {
    f"{name}_clean": f"{name}_source" for name in ("mse", "luma_mse", "ssim", "ms_ssim", "vmaf")
}
"""What a record repeats of the clean picture's, which calls it so."""

CleanScores: TypeAlias = dict[tuple[str, str, int | None], Scores]
"""Scores of the source pictures by codec, picture and draw."""


def clean_scores(records: Iterable[MeasureRecord]) -> CleanScores:
    """Return what every codec gave of every source picture, where that gives the same again."""
    return {
        (one.victim, one.picture, one.draw): one.scores
        for one in records
        if one.threat == "clean" and one.scores and RANDOMISED not in one.flags
    }


def inconsistencies(
    cell: MeasureJob, kept: MeasureRecord, clean: CleanScores, rd_lambda: float
) -> Iterator[str]:
    """Yield what is wrong with the scores of a cell by everything but coding it again.

    Args:
        cell: as the suite has it.
        kept: its record.
        clean: of the same run.
        rd_lambda: weight of 255^2 MSE in the suite's R-D cost.
    """
    scores = kept.scores
    if scores is None:
        return
    yield from _unlike_its_own(scores, cell.picture.pixels, rd_lambda)
    source = clean.get((kept.victim, kept.picture, kept.draw))
    if source is not None:
        yield from _unlike_the_clean(scores, source)
    if cell.craft is not None:
        yield from _outside(scores, cell.picture.pixels, cell.craft.budget)


def _unlike_its_own(scores: Scores, source: Image, rd_lambda: float) -> Iterator[str]:
    errors = {name: getattr(scores, f"mse_{name}") for name in ERRORS}
    found = derived(scores.bytes, scores.bpp_clean, errors, source, rd_lambda)
    for name, value in found.items():
        if not _same(getattr(scores, name), value):
            yield f"{name} is {getattr(scores, name)}, by its other figures {value}"


def _unlike_the_clean(scores: Scores, clean: Scores) -> Iterator[str]:
    for name, of_clean in _OF_THE_CLEAN.items():
        ours, theirs = getattr(scores, name), getattr(clean, of_clean)
        if not _same(ours, theirs):
            yield f"{name} is {ours}, the record of the clean picture has {theirs}"


def _outside(scores: Scores, source: Image, budget: Budget) -> Iterator[str]:
    sizes = {
        Linf: scores.linf,
        L2: math.sqrt(scores.mse_perturbation * source.size) * 255,
        Mse: scores.mse_perturbation,
    }
    size = sizes.get(type(budget), 0.0)
    if size > budget.radius * (1 + _SLACK):
        yield f"its picture is {size:.6g} {budget.unit} from its source, outside {budget}"


def _same(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.isclose(ours, theirs, rel_tol=_SLACK)
