"""The worst case of one codec under attacks with one objective, picture by picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import TypeAlias

from bench.store.records import CraftRecord, Scores
from leaderboard.aggregate.cases import CellGroup, ScoredAttack

ScoreValue: TypeAlias = Callable[[Scores], float]

OBJECTIVE_VALUES: dict[str, ScoreValue] = {
    "distortion": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
"""The measured value that each objective maximises."""


@dataclass(frozen=True)
class LossUnderAttack:
    """The strongest search for one objective on each picture.

    A search against a randomised codec is scored on several draws. Its strength is the mean over
    these draws.

    Attributes:
        objective: its name; `OBJECTIVE_VALUES` says what measures strength.
        draws: by picture, the scored draws of the strongest search.
        worst_draw: by picture, the worst single draw of any search.
    """

    objective: str
    draws: dict[str, list[ScoredAttack]]
    worst_draw: dict[str, ScoredAttack]

    @property
    def by_picture(self) -> dict[str, float]:
        """The value of the objective for each picture, the mean over draws."""
        return self._over_draws(OBJECTIVE_VALUES[self.objective])

    @property
    def mean(self) -> float:
        """The value of the objective, the mean over pictures."""
        return fmean(self.by_picture.values())

    def average(self, value: ScoreValue) -> float:
        """Return the mean of any value over the draws, then over the pictures."""
        return fmean(self._over_draws(value).values())

    def _over_draws(self, value: ScoreValue) -> dict[str, float]:
        return {name: _mean(draws, value) for name, draws in self.draws.items()}


def objective_name(craft: CraftRecord) -> str:
    """Return the name of a search's objective without its parameters; empty for noise."""
    return (craft.objective or "").partition(" ")[0]


def attacks_for(group: CellGroup, threat: str, objective: str) -> list[ScoredAttack]:
    """Return the scored adversarial pictures of one threat that were made for one objective."""
    return [scored for scored in group.of(threat) if objective_name(scored.craft) == objective]


def worst_case(group: CellGroup, threat: str, objective: str, attack: str = "") -> LossUnderAttack:
    """Return the strongest search on each picture.

    Args:
        group: the results of one codec at one budget.
        threat: the only kind of adversarial pictures that counts.
        objective: the only objective that counts.
        attack: the beginning of the labels of the attacks that count; empty for all of them.
    """
    value = OBJECTIVE_VALUES[objective]
    searches: dict[str, dict[str, list[ScoredAttack]]] = defaultdict(lambda: defaultdict(list))
    for scored in attacks_for(group, threat, objective):
        if scored.craft.attack.startswith(attack):
            searches[scored.picture][scored.craft.key].append(scored)
    return LossUnderAttack(
        objective,
        draws={
            picture: max(by_search.values(), key=lambda draws: _mean(draws, value))
            for picture, by_search in searches.items()
        },
        worst_draw={
            picture: max(chain(*by_search.values()), key=lambda scored: value(scored.scores))
            for picture, by_search in searches.items()
        },
    )


def clean_mean(group: CellGroup, value: ScoreValue) -> float:
    """Return the mean of a value over the source pictures."""
    return fmean(map(value, group.clean.values()))


def rd_cost(scores: Scores) -> float:
    """Return the R-D cost J."""
    return scores.rd_cost


def _mean(draws: Sequence[ScoredAttack], value: ScoreValue) -> float:
    return fmean(value(scored.scores) for scored in draws)
