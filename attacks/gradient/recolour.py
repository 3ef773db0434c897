"""A smooth transform of colours, the same for all pixels of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from attacks.gradient.search import GradientSearch
from attacks.gradient.structured import Parametrisation, Structured


@dataclass(frozen=True)
class Recolour(Structured):
    """The functional attack ReColorAdv of Laidlaw & Feizi (2019, arXiv 1906.00001).

    Every colour is moved to another one, by what stands at the points of a lattice over the cube of
    all colours and, in between, is interpolated linearly. Pixels of one colour stay of one colour.
    They work in CIELUV and penalise neighbours on the lattice that move apart; here it is RGB, as
    the budgets are, and a coarse lattice makes the transform smooth. cAdv (Bhattad et al. 2020,
    arXiv 1904.06347), which lets a network recolour a picture, needs that network.

    Args:
        points: of the lattice, in each of its three directions.
    """

    version: ClassVar[int] = 1

    points: Annotated[int, Field(ge=2, le=64)] = 8

    def manner(self, climb: GradientSearch, rngs: Sequence[torch.Generator]) -> Parametrisation:
        """Return the lattice."""
        del rngs
        return _Lattice(climb.source, self.points)


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
