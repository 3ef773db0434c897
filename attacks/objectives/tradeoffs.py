"""Objectives that attack rate or distortion while the other stays as in the clean picture.

    rate-at-quality       many bits, with a distortion no larger than the clean one
    distortion-at-rate    a large distortion, with a rate no larger than the clean one

The constraint is a one-sided penalty: zero while the other quantity is no worse than clean, and
proportional to the excess otherwise. The default weights are this project's: with larger weights
the search oscillates at the constraint and finds less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from attacks.objectives.basic import bpp
from bench.attack import Half, View, given


@dataclass(frozen=True)
class RateAtQuality:
    """Bits per pixel - weight * the excess of 255^2 MSE(x, C(x')) over 255^2 MSE(x, C(x)).

    Args:
        weight: weight of the penalty, in bits per pixel per squared 8-bit level.
    """

    needs: ClassVar[Half] = "both"
    wants_clean: ClassVar[bool] = True
    weight: Annotated[float, Field(gt=0)] = 0.02

    def __call__(self, view: View) -> Tensor:
        """Return the penalised rate of each picture, (B,)."""
        excess = _error(view, view.reconstruction) - _error(view, view.clean)
        return bpp(view, given(view.bits)) - self.weight * excess.relu()


@dataclass(frozen=True)
class DistortionAtRate:
    """255^2 MSE(x, C(x')) - weight * the excess of the bits per pixel over those of x.

    Args:
        weight: weight of the penalty, in squared 8-bit levels per bit per pixel.
    """

    needs: ClassVar[Half] = "both"
    wants_clean: ClassVar[bool] = True
    weight: Annotated[float, Field(gt=0)] = 1000.0

    def __call__(self, view: View) -> Tensor:
        """Return the penalised error of each picture, (B,)."""
        excess = bpp(view, given(view.bits)) - bpp(view, given(view.clean_bits))
        return _error(view, view.reconstruction) - self.weight * excess.relu()


def _error(view: View, reconstruction: Tensor | None) -> Tensor:
    """Return the mean squared error against the source picture, in squared 8-bit levels, (B,)."""
    difference = (given(reconstruction).clamp(0, 1) - view.source) * 255
    error: Tensor = difference.square().flatten(1).mean(1)
    return error
