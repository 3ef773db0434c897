"""The search of structured attacks: Adam on the parameters of one kind of perturbation.

    parameters --Parametrisation--> perturbation --budget--> pictures --Target--> gradients
        ^--------------------------Parametrisation----------------------------------'

Where the budget limits each value separately, the parametrisation clamps its parameters. Where the
budget limits all values together, the whole perturbation is scaled with its parameters, so that it
keeps its kind. Adam then follows only the component of the gradient along the budget's boundary.

Pictures are clipped to [0, 1] after the perturbation, whatever its kind.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from attacks.gradient.base import GradientAttack, Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import Adam, normalised, norms, orthogonal_part
from bench.budget import Budget, Linf
from bench.floors.floor import Floor

_UNSCALED = 0.9999
"""Scales above this are float32 rounding and no reduction of the perturbation."""


class Parametrisation(Protocol):
    """One kind of perturbation of fixed source pictures, linear in its parameters.

    Attributes:
        shape: the shape of the parameters of one picture, three-dimensional.
    """

    @property
    def shape(self) -> tuple[int, int, int]: ...

    def perturbation(self, parameters: Tensor) -> Tensor:
        """Return the perturbation, (B, 3, H, W), for parameters (B, *shape)."""
        ...

    def clamp(self, parameters: Tensor, limit: float) -> Tensor:
        """Return nearby parameters whose perturbation changes no value by more than `limit`."""
        ...


@dataclass(frozen=True)
class Structured(GradientAttack):
    """A search for the worst perturbation of one kind, starting at the source picture.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
    """

    version: ClassVar[int]

    steps: Steps = 100
    step_size: StepSize = 0.1

    @property
    def evaluations(self) -> int:
        """One gradient per step, a second one if the first is zero, and the last value."""
        return self.steps + 2

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        space = _ParameterSpace(self._parametrisation(search, rngs), search.source, search.budget)
        gradients = search.start(rngs, space).gradients
        ascent = _Ascent(space, gradients, self.step_size)
        for remaining in reversed(range(self.steps)):
            images = ascent.step(gradients)
            if remaining:
                gradients = search.step(images).gradients
            else:
                search.evaluate(images)

    @abstractmethod
    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        """Return the kind of perturbation.

        Args:
            search: holds the source pictures and the budget, and evaluates pictures.
            rngs: one generator per picture.
        """


@dataclass(frozen=True)
class _Projected:
    """Parameters inside the budget.

    Attributes:
        parameters: (B, *shape).
        images: their pictures, (B, 3, H, W).
        is_scaled: whether the whole perturbation was reduced, (B, 1, 1, 1).
    """

    parameters: Tensor
    images: Tensor
    is_scaled: Tensor


class _ParameterSpace:
    """The parameters of one kind of perturbation inside a budget around source pictures."""

    def __init__(self, kind: Parametrisation, source: Tensor, budget: Budget) -> None:
        self._kind = kind
        self._source = source
        self._budget = budget
        region = budget.region
        self._mask = source.new_ones(()) if region is None else region.mask(source)

    def zeros(self) -> Tensor:
        """Return the parameters of the zero perturbation."""
        return self._source.new_zeros(len(self._source), *self._kind.shape)

    def pull_back(self, gradients: Tensor) -> Tensor:
        """Return the gradients of the parameters from gradients of the pictures."""
        parameters = self.zeros().requires_grad_()
        perturbation = self._perturbation(parameters)
        (result,) = torch.autograd.grad(perturbation, parameters, gradients)
        return result

    def projected(self, parameters: Tensor) -> _Projected:
        """Bring parameters into the budget."""
        clamped = self._kind.clamp(parameters, _value_limit(self._budget))
        unprojected = (self._source + self._perturbation(clamped)).clamp(0, 1)
        images = self._budget.project(unprojected, self._source)
        scale = norms(images - self._source) / norms(unprojected - self._source)
        return _Projected(clamped * scale.to(clamped), images, scale < _UNSCALED)

    def full_scale(self, parameters: Tensor) -> Tensor:
        """Return the factor, (B, 1, 1, 1), that scales the perturbation to the budget's size."""
        perturbation = self._perturbation(parameters)
        scale: Tensor = norms(self._budget.steepest(perturbation)) / norms(perturbation)
        return scale.to(perturbation)

    def project(self, images: Tensor, source: Tensor) -> Tensor:
        """Return pictures with this kind of perturbation near `images`."""
        parameters = self.pull_back(images - source)
        return self.projected(parameters * self.full_scale(parameters)).images

    def _perturbation(self, parameters: Tensor) -> Tensor:
        return self._kind.perturbation(parameters) * self._mask


class _Ascent:
    """Adam on parameters, in a unit in which one step size suits all budgets."""

    def __init__(self, space: _ParameterSpace, gradients: Tensor, step_size: float) -> None:
        self._space = space
        self._adam = Adam(space.zeros(), step_size)
        self._unit = space.full_scale(space.pull_back(normalised(gradients)).sign())
        self._is_scaled = torch.zeros_like(self._unit, dtype=torch.bool)

    def step(self, gradients: Tensor) -> Tensor:
        """Take one ascent step and return the new pictures, (B, 3, H, W)."""
        uphill = self._space.pull_back(normalised(gradients))
        tangential = orthogonal_part(uphill, self._adam.images)
        self._adam.step(torch.where(self._is_scaled, tangential, uphill))
        projected = self._space.projected(self._adam.images * self._unit)
        self._adam.move(projected.parameters / self._unit)
        self._is_scaled = projected.is_scaled
        return projected.images


def _value_limit(budget: Budget) -> float:
    """Return the budget's limit on the change of one value, in [0, 1]; infinity if it has none."""
    if isinstance(budget, Linf):
        return budget.radius / 255
    if isinstance(budget, Floor) and budget.cap is not None:
        return budget.cap / 255
    return math.inf
