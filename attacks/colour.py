"""A smooth transform of colours, the same for all pixels of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from attacks.climb import Climb
from attacks.gradient import Steps, StepSize
from attacks.structured import optimise
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget


@dataclass(frozen=True)
class Recolour:
    """The functional attack ReColorAdv of Laidlaw & Feizi (2019, arXiv 1906.00001).

    Every colour is moved to another one, by what stands at the points of a lattice over the cube of
    all colours and, in between, is interpolated linearly. Pixels of one colour stay of one colour.
    They work in CIELUV and penalise neighbours on the lattice that move apart; here it is RGB, as
    the budgets are, and a coarse lattice makes the transform smooth. cAdv (Bhattad et al. 2020,
    arXiv 1904.06347), which lets a network recolour a picture, needs that network.

    Args:
        steps: how many.
        step_size: Adam's learning rate; a first step of 1 would be as large as the budget.
        points: of the lattice, in each of its three directions.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    steps: Steps = 100
    step_size: StepSize = 0.1
    points: Annotated[int, Field(ge=2, le=64)] = 8

    @property
    def evaluations(self) -> int:
        """One gradient a step, one more where the first was zero, and the last value."""
        return self.steps + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from the source pictures."""
        climb, manner = Climb(target, images, budget), _Lattice(images, self.points)
        return optimise(climb, manner, rngs, steps=self.steps, step_size=self.step_size)


class _Lattice:
    """What is added to each colour: trilinear in what is added at the points of a lattice."""

    def __init__(self, source: Tensor, points: int) -> None:
        self._points = points
        self._colours = (2 * source - 1).movedim(1, -1).unsqueeze(1)
        self.shape = (3, points, points * points)

    def change(self, parameters: Tensor) -> Tensor:
        cube = parameters.unflatten(3, (self._points, self._points))
        added = functional.grid_sample(
            cube, self._colours, padding_mode="border", align_corners=True
        )
        return added.squeeze(2)

    def held(self, parameters: Tensor, most: float) -> Tensor:
        """Clip what is added at the points; between them it is no larger."""
        return parameters.clamp(-most, most)
