"""The smallest perturbation that reaches a goal, by queries, for codecs without gradients.

The radius of the budget is bisected (`attacks.bisection`). At each radius the Square attack
searches until a picture reaches the goal; it starts at what the searches at the neighbouring radii
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attacks.bisection import SHRINKING, Bisection, Goal, goals_of
from attacks.goals import NORMS, GoalValue, Rounds
from attacks.query.base import Queries
from attacks.query.search import QuerySearch
from attacks.query.square import Square
from bench.attack import AttackResult, Need, Target
from bench.budget import Budget


@dataclass(frozen=True)
class MinimumSquare:
    """The smallest perturbation found that raises the objective to a goal, by Square.

    Where no picture inside the budget reaches the goal, the result is the picture with the highest
    value, with the flag `goal-not-reached`.

    Args:
        goal: the goal: a factor of the objective's value of the source picture, or a value.
        relative: whether `goal` is a factor.
        queries: largest number of queries of the search at one radius.
        rounds: largest number of radii.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = NORMS
    version: ClassVar[int] = 1

    goal: GoalValue = field(kw_only=True)
    relative: bool = field(default=True, kw_only=True)
    queries: Queries = 100
    rounds: Rounds = 8

    @property
    def evaluations(self) -> int:
        """Per radius the queries of the search, two starts and the result; the source picture."""
        return 1 + self.rounds * (self.queries + 2 + 1 + SHRINKING)

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search for the nearest adversarial examples of float (B, 3, H, W) in [0, 1]."""
        goals = goals_of(target, images, Goal(self.goal, self.relative))
        bisections = [
            Bisection(_OnePicture(target, owner), image, budget, goals[owner : owner + 1])
            for owner, image in enumerate(images.split(1))
        ]
        found = [
            self._search(*one, budget)
            for one in zip(bisections, images.split(1), rngs, strict=True)
        ]
        return AttackResult(
            torch.cat([one.images for one in found]),
            torch.cat([one.trace for one in found], 1),
            tuple(one.flags[0] for one in found),
        )

    def _search(
        self, bisection: Bisection, image: Tensor, rng: torch.Generator, budget: Budget
    ) -> AttackResult:
        begun = bisection.values
        for number in range(self.rounds):
            if not bisection.is_open:
                break
            ball = replace(budget, radius=bisection.radii[0])
            search = QuerySearch(bisection.target, image, ball)
            if number:
                search.evaluate(torch.stack(bisection.starts()))
            self._walk(search, bisection.goals[0], rng)
            bisection.accept(search.images)
        return bisection.result(torch.stack([begun, bisection.values]))

    def _walk(self, search: QuerySearch, goal: float, rng: torch.Generator) -> None:
        """Search until a picture reaches the goal or the queries are spent."""
        if search.values[0] >= goal:
            return
        for _ in Square(self.queries).moves(search, [rng]):
            if search.values[0] >= goal:
                return


class _OnePicture:
    """The target of one picture of a batch, by queries.

    Args:
        target: the target of the batch.
        owner: index of the picture in the batch.
    """

    def __init__(self, target: Target, owner: int) -> None:
        self._target, self._owner = target, owner

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of candidates of this picture, see `bench.attack.Target`."""
        del owners
        return self._target.query(images, [self._owner] * len(images))
