"""The smallest budget at which each picture reaches a goal, such as a loss of 3 dB.

    searches for the smallest perturbation, scored --> {goal: SmallestBudgets}

The size of an adversarial picture is the smallest budget that contains it. A picture counts as
reaching the goal if its measured scores do, whatever the search reported.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.budget import Budget
from bench.store.records import Scores
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.flags import ObjectiveValue
from leaderboard.aggregate.goals import Goal


@dataclass(frozen=True)
class SmallestBudgets:
    """The smallest budgets of the pictures of one operating point.

    Attributes:
        kind: kind of the budget ("linf", "l2", "mse").
        largest: radius of the largest budget that was searched.
        sizes: for each picture the size of its smallest adversarial picture that reaches the goal,
            in ascending order; infinite where none inside the budget was found.
    """

    kind: str
    largest: float
    sizes: tuple[float, ...]

    @property
    def reached(self) -> int:
        """Number of pictures that reach the goal."""
        return sum(math.isfinite(size) for size in self.sizes)

    @property
    def median(self) -> float:
        """The smallest budget at which half of the pictures reach the goal; may be infinite."""
        return self.sizes[(len(self.sizes) - 1) // 2]


def smallest_budgets(
    case: CellGroup, budget: Budget, values: Mapping[str, ObjectiveValue]
) -> dict[Goal, SmallestBudgets]:
    """Return the smallest budgets of one operating point for each goal.

    Args:
        case: its records at the largest budget.
        budget: that budget.
        values: the measured value of each objective by label; others have no goal here.
    """
    sizes: dict[Goal, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for draws in _searches(case):
        goal, clean = draws[0].goal, case.clean.get(draws[0].attack.picture)
        if clean is not None and goal.objective in values:
            size = _size(draws, clean, budget, values[goal.objective])
            sizes[goal][draws[0].attack.picture].append(size)
    return {
        goal: SmallestBudgets(budget.kind, budget.radius, tuple(sorted(map(min, found.values()))))
        for goal, found in sizes.items()
    }


def _searches(case: CellGroup) -> Sequence[Sequence[_Draw]]:
    """Return the scores of each search; several if the codec draws random numbers."""
    groups: dict[str, list[_Draw]] = defaultdict(list)
    for goal, attack in case.towards_goals:
        groups[attack.craft.key].append(_Draw(goal, attack))
    return list(groups.values())


@dataclass(frozen=True)
class _Draw:
    goal: Goal
    attack: ScoredAttack


def _size(draws: Sequence[_Draw], clean: Scores, budget: Budget, value: ObjectiveValue) -> float:
    reached = fmean(value(draw.attack.scores) for draw in draws)
    if not draws[0].goal.is_reached(reached, value(clean)):
        return math.inf
    known = [draw.attack.scores for draw in draws if not draw.attack.failed]
    return _distance(known[0], budget) if known else budget.radius


def _distance(scores: Scores, budget: Budget) -> float:
    """Return the distance of an adversarial picture from its source, in the budget's unit."""
    if budget.kind == "linf":
        return scores.linf
    if budget.kind == "mse":
        return scores.mse_perturbation
    values = 3 * 8 * scores.bytes / scores.bpp
    return 255 * math.sqrt(scores.mse_perturbation * values)
