"""What an attack gains over the clean picture, and the search of each attack that gains most.

    effects --counted--> effects on the codecs that were searched, with their objectives
            --strongest_searches--> one search for each attack, budget and picture

A gain has the unit of its objective and can be negative.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.store.records import Scores
from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.aggregate.threats import GRADIENTS, NOISE, QUERIES
from leaderboard.study.effects import AttackEffect

GAINS: dict[str, Callable[[Scores], float | None]] = {
    "distortion": lambda scores: scores.drop_db,
    "rate": lambda scores: scores.bpp - scores.bpp_clean,
    "rd": lambda scores: scores.rd_cost * (1 - 1 / scores.rd_factor),
}
"""What an attack with each objective gains over the clean picture: PSNR in dB, bits per pixel, R-D
cost; None for a lossless codec, which has no PSNR to lose."""


@dataclass(frozen=True)
class StrongestSearch:
    """The search of one attack that gained most on one picture.

    Attributes:
        gain: the mean over the draws of a randomised codec.
        draws: its scored draws; one for other codecs.
    """

    gain: float
    draws: tuple[AttackEffect, ...]


def counted(effects: Iterable[AttackEffect]) -> Iterator[tuple[str, AttackEffect]]:
    """Yield the effects that count, each with its objective.

    Attacks count on the codecs whose gradients or answers they used; noise counts on all, for every
    objective.
    """
    for effect in effects:
        if effect.threat in {GRADIENTS, QUERIES, NOISE}:
            for objective in GAINS if effect.threat == NOISE else (effect.objective,):
                if objective in GAINS:
                    yield objective, effect


def strongest_searches(
    effects: Iterable[AttackEffect], objective: str
) -> dict[tuple[str, str, str], StrongestSearch]:
    """Return the strongest search by attack, budget and picture.

    Members of an ensemble are one attack. Effects whose gain is undefined are left out.

    Args:
        effects: effects on one model that count for the objective.
        objective: its name in `GAINS`.
    """
    searches: dict[tuple[str, str, str], dict[str, list[AttackEffect]]] = {}
    for effect in effects:
        if math.isfinite(_gain(effect, objective)):
            case = ensemble_of(effect.attack), effect.budget, effect.picture
            searches.setdefault(case, defaultdict(list))[effect.craft].append(effect)
    return {case: _strongest(found.values(), objective) for case, found in searches.items()}


def _strongest(searches: Iterable[Sequence[AttackEffect]], objective: str) -> StrongestSearch:
    gains = (
        StrongestSearch(fmean(_gain(draw, objective) for draw in draws), tuple(draws))
        for draws in searches
    )
    return max(gains, key=lambda search: search.gain)


def _gain(effect: AttackEffect, objective: str) -> float:
    """Return the gain; NaN where it is undefined."""
    gain = GAINS[objective](effect.scores)
    return math.nan if gain is None else gain
