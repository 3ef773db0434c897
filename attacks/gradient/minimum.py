"""The smallest perturbation that reaches a goal, by gradients.

The radius of the budget is bisected (`attacks.bisection`). At each radius Auto-PGD searches. The
first search starts at the source picture, or at a random one if the gradient there is zero. The
others start at what the searches at the neighbouring radii found.

Minimum-norm attacks on classifiers (DeepFool, Moosavi-Dezfooli et al. 2016, arXiv 1511.04599; FAB,
Croce & Hein 2020, arXiv 1907.02044) follow a decision boundary. A codec has none, so the radius is
bisected instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from attacks.balls import Balls
from attacks.bisection import SHRINKING, Bisection, Goal, goals_of
from attacks.goals import NORMS, GoalValue, Rounds
from attacks.gradient.apgd import ascend_from
from attacks.gradient.base import Steps
from attacks.gradient.search import GradientSearch, Iterate
from bench.attack import AttackResult, Need, Target
from bench.budget import Budget


@dataclass(frozen=True)
class MinimumAPGD:
    """The smallest perturbation found that raises the objective to a goal, by Auto-PGD.

    Pictures are encoded and decoded to decide whether they reach the goal. The records count these
    queries. Where no picture inside the budget reaches the goal, the result is the picture with
    the highest value, with the flag `goal-not-reached`.

    Args:
        goal: the goal: a factor of the objective's value of the source picture, or a value.
        relative: whether `goal` is a factor.
        steps: number of steps of the search at one radius.
        rounds: largest number of radii.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = NORMS
    version: ClassVar[int] = 1

    goal: GoalValue = field(kw_only=True)
    relative: bool = field(default=True, kw_only=True)
    steps: Steps = 30
    rounds: Rounds = 8

    @property
    def evaluations(self) -> int:
        """Per radius the steps, two starts and the queries; once three pictures more."""
        return 3 + self.rounds * (self.steps + 2 + 1 + SHRINKING)

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search for the nearest adversarial examples of float (B, 3, H, W) in [0, 1]."""
        goals = goals_of(target, images, Goal(self.goal, self.relative))
        bisection = Bisection(target, images, budget, goals)
        for number in range(self.rounds):
            if not bisection.is_open:
                break
            search = GradientSearch(target, images, Balls.of(budget, bisection.radii))
            start = _warm(search, bisection) if number else search.start(rngs)
            ascend_from(search, start, self.steps)
            bisection.accept(search.result().images)
        ends = (images, bisection.images)
        return bisection.result(torch.stack([target.value(end) for end in ends]))


def _warm(search: GradientSearch, bisection: Bisection) -> Iterate:
    """Return the better one of the two warm starts of each picture."""
    first, second = (search.step(search.project(start)) for start in bisection.starts())
    return first.where(first.values > second.values, second)
