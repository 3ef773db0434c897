"""The engine of structured attacks: Adam on parameters that a change of one kind follows from.

    parameters --Manner--> change --budget--> pictures --Target--> gradients --Manner--> parameters

Where a budget bounds each value by itself, the manner says how its parameters are held back. Where
it bounds all values together the whole change is scaled, as are its parameters: it stays of its
kind. Adam then sees of each gradient only what leads along the edge of the budget, not outwards.

Pictures whose change would leave [0, 1] are clipped there, whatever the kind.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from attacks.gradient.pgd import Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import Adam, lengths, unit, without
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget, Linf
from bench.ssim_budget import Ssim

_WHOLE = 0.9999
"""A share of a change that is no cut, but float32."""


class Parametrisation(Protocol):
    """One kind of change of given source pictures, linear in its parameters.

    Attributes:
        shape: of the parameters of one picture, of three sides.
    """

    @property
    def shape(self) -> tuple[int, int, int]: ...

    def change(self, parameters: Tensor) -> Tensor:
        """Return the change of each picture, (B, 3, H, W), of parameters (B, *shape)."""
        ...

    def held(self, parameters: Tensor, most: float) -> Tensor:
        """Return parameters near these whose change moves no value by more than `most`."""
        ...


@dataclass(frozen=True)
class Structured(ABC):
    """A search for the worst change of one kind, from no change at all.

    Args:
        steps: how many, each with one gradient.
        step_size: Adam's learning rate; a first step of 1 would be as large as the budget.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int]

    steps: Steps = 100
    step_size: StepSize = 0.1

    @property
    def evaluations(self) -> int:
        """One gradient a step, one more where the first was zero, and the last value."""
        return self.steps + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from the source pictures."""
        climb = GradientSearch(target, images, budget)
        inside = _Inside(self.manner(climb, rngs), images, budget)
        gradients = climb.start(rngs, inside).gradients
        walk = _Walk(inside, gradients, self.step_size)
        for left in reversed(range(self.steps)):
            changed = walk.step(gradients)
            if left:
                gradients = climb.step(changed).gradients
            else:
                climb.glance(changed)
        return climb.result()

    @abstractmethod
    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Return the kind of change.

        Args:
            climb: what has the source pictures and the budget, and sees every picture on the way.
            rngs: one generator a picture.
        """


@dataclass(frozen=True)
class _Fitted:
    """Parameters inside a budget.

    Attributes:
        parameters: (B, *shape).
        images: the pictures they stand for.
        is_cut: whether the whole change had to be made smaller, (B, 1, 1, 1).
    """

    parameters: Tensor
    images: Tensor
    is_cut: Tensor


class _Inside:
    """A manner inside a budget around some pictures."""

    def __init__(self, manner: Parametrisation, source: Tensor, budget: Budget) -> None:
        self._manner = manner
        self._source = source
        self._budget = budget
        region = budget.region
        self._free = source.new_ones(()) if region is None else region.mask(source)

    def none(self) -> Tensor:
        """Return the parameters of no change."""
        return self._source.new_zeros(len(self._source), *self._manner.shape)

    def back(self, gradients: Tensor) -> Tensor:
        """Return what gradients of the pictures are for the parameters."""
        parameters = self.none().requires_grad_()
        (found,) = torch.autograd.grad(self._change(parameters), parameters, gradients)
        return found

    def fitted(self, parameters: Tensor) -> _Fitted:
        """Bring parameters into the budget."""
        held = self._manner.held(parameters, _most(self._budget))
        wanted = (self._source + self._change(held)).clamp(0, 1)
        images = self._budget.project(wanted, self._source)
        share = lengths(images - self._source) / lengths(wanted - self._source)
        return _Fitted(held * share.to(held), images, share < _WHOLE)

    def reach(self, parameters: Tensor) -> Tensor:
        """Return what makes a change as large as the budget, (B, 1, 1, 1)."""
        change = self._change(parameters)
        reach: Tensor = lengths(self._budget.steepest(change)) / lengths(change)
        return reach.to(change)

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return pictures of this kind, near `images` as far as the kind allows."""
        parameters = self.back(images - source)
        return self.fitted(parameters * self.reach(parameters)).images

    def _change(self, parameters: Tensor) -> Tensor:
        return self._manner.change(parameters) * self._free


class _Walk:
    """Parameters on their way up, in a unit that makes one step size serve all budgets."""

    def __init__(self, inside: _Inside, gradients: Tensor, step_size: float) -> None:
        self._inside = inside
        self._adam = Adam(inside.none(), step_size)
        self._unit = inside.reach(inside.back(unit(gradients)).sign())
        self._is_cut = torch.zeros_like(self._unit, dtype=torch.bool)

    def step(self, gradients: Tensor) -> Tensor:
        """Take one step up, and return the pictures it leads to."""
        uphill = self._inside.back(unit(gradients))
        along = without(uphill, self._adam.images)
        self._adam.step(torch.where(self._is_cut, along, uphill))
        found = self._inside.fitted(self._adam.images * self._unit)
        self._adam.move(found.parameters / self._unit)
        self._is_cut = found.is_cut
        return found.images


def _most(budget: Budget) -> float:
    """Return what a budget lets any one value change by, in [0, 1]; infinity if it does not say."""
    if isinstance(budget, Linf):
        return budget.radius / 255
    if isinstance(budget, Ssim) and budget.cap is not None:
        return budget.cap / 255
    return math.inf
