"""Bisection of the radius of a budget: the smallest ball with a picture that reaches a goal.

    bisection = Bisection(target, source, budget, goals_of(target, source, goal))
    while bisection.is_open:
        search in the balls of bisection.radii, from bisection.starts()
        bisection.accept(images)                            encodes what the search found
    bisection.result()                                      the smallest pictures that reach it

Whether a picture reaches the goal is decided by the value of its 8-bit version, really encoded and
decoded. A picture that reaches it is then moved towards its source as far as it still does. The
first search uses the whole budget. Each following search uses a radius between the largest radius
at which a search failed and the size of the smallest picture that reaches the goal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attacks.query.search import QueryTarget
from bench.attack import AttackResult
from bench.budget import Budget, Linf, Mse
from bench.errors import Unsupported

GOAL_NOT_REACHED = "goal-not-reached"
"""Flag: no picture inside the budget that the attack found reaches the goal."""

SHRINKING = 6
"""Largest number of queries that move one picture towards its source."""

_PRECISE = 1.02
"""In l2 and mse, the search ends when the norms of both ends differ by less than this factor."""


@dataclass(frozen=True)
class Goal:
    """The value that an objective must reach.

    Attributes:
        value: the value, or a factor.
        relative: whether `value` is a factor of the objective's value of the source picture.
    """

    value: float
    relative: bool

    def of(self, clean: float) -> float:
        """Return the value to reach for a source picture with the value `clean`.

        Raises:
            Unsupported: it is relative, and `clean` is not positive and finite.
        """
        if self.relative and not 0 < clean < math.inf:
            raise Unsupported(
                f"the objective is {clean:g} for the source picture, and no multiple of that is a"
                " goal; use an objective that is positive there, or a codec that is not lossless"
            )
        return self.value * clean if self.relative else self.value


@dataclass
class _State:
    """The state of the search for one picture.

    Attributes:
        goal: the value to reach.
        low: largest radius at which a search did not reach the goal.
        high: size of the smallest picture that reaches it; infinite until there is one.
        found: that picture, or the picture with the highest value until there is one.
        value: value of `found`.
        failed: what the search at `low` found; None before a search failed.
    """

    goal: float
    low: float
    high: float
    found: Tensor
    value: float
    failed: Tensor | None = None


def goals_of(target: QueryTarget, source: Tensor, goal: Goal) -> list[tuple[float, float]]:
    """Encode the source pictures; return for each its value and the value to reach.

    Args:
        target: the function that must reach the goal.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        goal: the goal of every picture.

    Raises:
        Unsupported: the goal of a picture is not defined.
    """
    levels = (source * 255).round().byte()
    values = map(float, target.query(_pictures(levels)))
    return [(clean, goal.of(clean)) for clean in values]


def _pictures(levels: Tensor) -> npt.NDArray[np.uint8]:
    """Return pictures, uint8 (B, 3, H, W), as queries take them, (B, H, W, 3)."""
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


class Bisection:
    """Bisects the radius of a budget for each picture of a batch.

    Args:
        target: the function that must reach the goal, by queries.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: the largest budget, in linf, l2 or mse.
        goals: for each picture its value and the value to reach, see `goals_of`.

    Attributes:
        target: the function that must reach the goal.
    """

    def __init__(
        self,
        target: QueryTarget,
        source: Tensor,
        budget: Budget,
        goals: Sequence[tuple[float, float]],
    ) -> None:
        self.target = target
        self._source = source
        self._budget = budget
        self._states = [
            _State(goal, 0.0, 0.0 if clean >= goal else math.inf, one, clean)
            for one, (clean, goal) in zip(source.split(1), goals, strict=True)
        ]

    @property
    def is_open(self) -> bool:
        """Whether a further search can find a smaller picture for any source picture."""
        return any(map(self._is_apart, self._states))

    @property
    def radii(self) -> list[float]:
        """The radius of the next search for each picture; the budget's for finished pictures."""
        return [self._next_radius(state) for state in self._states]

    @property
    def reached(self) -> list[bool]:
        """Whether the goal is reached, for each picture."""
        return [math.isfinite(state.high) for state in self._states]

    @property
    def goals(self) -> list[float]:
        """The value that must be reached, for each picture."""
        return [state.goal for state in self._states]

    @property
    def images(self) -> Tensor:
        """The smallest pictures that reach the goal, or those with the highest value until then."""
        return torch.cat([state.found for state in self._states])

    @property
    def values(self) -> Tensor:
        """The values of `images`, float64 (B,)."""
        return torch.tensor([state.value for state in self._states], dtype=torch.float64)

    def starts(self) -> tuple[Tensor, Tensor]:
        """Return two starts of the next search of each picture, both (B, 3, H, W).

        They are the pictures of the neighbouring radii: the smallest one that reaches the goal, and
        the one of the last search that failed, scaled to the next radius. Until there are both,
        they are equal, and the source picture if there is none.
        """
        larger = [state.found for state in self._states]
        smaller = [self._enlarged(owner) for owner in range(len(self._states))]
        return torch.cat(larger), torch.cat(smaller)

    def accept(self, images: Tensor) -> None:
        """Encode the results of a search in the balls of `radii`, float (B, 3, H, W)."""
        for owner, state in enumerate(self._states):
            if self._is_apart(state):
                self._accept_one(owner, state, images[owner : owner + 1])

    def result(self, trace: Tensor) -> AttackResult:
        """Return `images` with the flag `goal-not-reached` where it applies.

        Args:
            trace: values of the objective, (steps, B).
        """
        flags = tuple(() if reached else (GOAL_NOT_REACHED,) for reached in self.reached)
        return AttackResult(self.images, trace, flags)

    def _accept_one(self, owner: int, state: _State, image: Tensor) -> None:
        radius = self._next_radius(state)
        source = self._source[owner : owner + 1]
        levels = replace(self._budget, radius=radius).rounded(image, source)
        value = self._value(owner, levels)
        if value >= state.goal:
            self._keep(state, levels, value, source)
            self._shrink(owner, state)
            return
        state.low, state.failed = radius, levels.to(source) / 255
        if math.isinf(state.high) and value > state.value:
            state.found, state.value = state.failed, value

    def _shrink(self, owner: int, state: _State) -> None:
        """Move the picture of a state towards its source, as far as it reaches the goal."""
        source = self._source[owner : owner + 1]
        whole, length, low = state.found, state.high, state.low
        for _ in range(SHRINKING):
            if not self._is_between(low, state.high):
                return
            radius = self._middle(low, state.high)
            scaled = source + (whole - source) * self._scale(radius, length)
            levels = replace(self._budget, radius=radius).rounded(scaled, source)
            value = self._value(owner, levels)
            if value >= state.goal:
                self._keep(state, levels, value, source)
            else:
                low = radius

    def _keep(self, state: _State, levels: Tensor, value: float, source: Tensor) -> None:
        state.found, state.value = levels.to(source) / 255, value
        state.high = float(self._budget.size(state.found, source)[0])
        if isinstance(self._budget, Linf):
            state.high = round(state.high)

    def _enlarged(self, owner: int) -> Tensor:
        state, source = self._states[owner], self._source[owner : owner + 1]
        if state.failed is None:
            return state.found
        size = float(self._budget.size(state.failed, source)[0])
        scale = self._scale(self._next_radius(state), size) if size else 1.0
        return source + (state.failed - source) * scale

    def _value(self, owner: int, levels: Tensor) -> float:
        """Return the value of one 8-bit picture, uint8 (1, 3, H, W), by a query."""
        return float(self.target.query(_pictures(levels), [owner])[0])

    def _next_radius(self, state: _State) -> float:
        if math.isinf(state.high):
            return self._budget.radius
        is_apart = self._is_apart(state)
        return self._middle(state.low, state.high) if is_apart else self._budget.radius

    def _is_apart(self, state: _State) -> bool:
        if math.isinf(state.high):
            return state.low < self._budget.radius
        return self._is_between(state.low, state.high)

    def _is_between(self, low: float, high: float) -> bool:
        """Return whether there is another radius between two, apart enough to be worth a search."""
        if isinstance(self._budget, Linf):
            return high - low > 1
        return self._scale(low, high) * _PRECISE < 1 if high else False

    def _middle(self, low: float, high: float) -> float:
        """Return a whole level in linf; else the radius of the geometric mean of the norms."""
        if isinstance(self._budget, Linf):
            return float((low + high) // 2)
        return math.sqrt(low * high) if low else high * self._radius_of(0.5)

    def _scale(self, radius: float, size: float) -> float:
        """Return the factor of a perturbation of a size that brings it to a radius."""
        return math.sqrt(radius / size) if isinstance(self._budget, Mse) else radius / size

    def _radius_of(self, scale: float) -> float:
        """Return the factor of a size when the perturbation is multiplied by a scale."""
        return scale**2 if isinstance(self._budget, Mse) else scale
