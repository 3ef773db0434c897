"""A smooth colour transform, the same for all pixels of a picture."""

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
    """The functional attack ReColorAdv (Laidlaw & Feizi 2019, arXiv 1906.00001), in RGB.

    A lattice over the colour cube holds colour offsets; offsets between its points are interpolated
    linearly. Pixels of equal colour keep equal colours. Laidlaw & Feizi work in CIELUV and penalise
    neighbouring lattice points that move apart. Here the transform is in RGB, like the budgets, and
    a coarse lattice makes it smooth. cAdv (Bhattad et al. 2020, arXiv 1904.06347), which recolours
    with a colourisation network, is not included because it needs that network.

    Args:
        steps: number of steps, each with one gradient.
        step_size: Adam's learning rate; at 1, the first step has the size of the budget.
        points: number of lattice points along each of the three axes.
    """

    version: ClassVar[int] = 1

    points: Annotated[int, Field(ge=2, le=64)] = 8

    def _parametrisation(
        self, search: GradientSearch, rngs: Sequence[torch.Generator]
    ) -> Parametrisation:
        del rngs
        return _Lattice(search.source, self.points)


class _Lattice:
    """Colour offsets, trilinear in the offsets at the lattice points."""

    def __init__(self, source: Tensor, points: int) -> None:
        self._points = points
        self._colours = (2 * source - 1).movedim(1, -1).unsqueeze(1)
        self.shape = (3, points, points * points)

    def perturbation(self, parameters: Tensor) -> Tensor:
        lattice = parameters.unflatten(3, (self._points, self._points))
        offsets = functional.grid_sample(
            lattice, self._colours, padding_mode="border", align_corners=True
        )
        return offsets.squeeze(2)

    def clamp(self, parameters: Tensor, limit: float) -> Tensor:
        """Clamp the offsets at the lattice points; interpolated offsets are no larger."""
        return parameters.clamp(-limit, limit)
