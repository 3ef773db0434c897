"""Attacks on one half of a codec that the other half must not show.

    rate-at-quality       many bits, and the reconstruction no worse than the clean one
    distortion-at-rate    a bad reconstruction, and no more bits than the clean picture takes

What must not be shown is a one-sided penalty: it costs nothing as long as it does not get worse,
and grows in proportion where it does. The weights are ours: with larger ones the search turns back
and forth at the edge and finds less.
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
    """Bits per pixel - weight * the growth of 255^2 MSE(x, C(x')) over 255^2 MSE(x, C(x)).

    Args:
        weight: of the penalty, in bits per pixel.
    """

    needs: ClassVar[Half] = "both"
    wants_clean: ClassVar[bool] = True
    weight: Annotated[float, Field(gt=0)] = 0.02

    def __call__(self, view: View) -> Tensor:
        """Return the penalised rate of each picture, (B,)."""
        worse = _error(view, view.reconstruction) - _error(view, view.clean)
        return bpp(view, given(view.bits)) - self.weight * worse.relu()


@dataclass(frozen=True)
class DistortionAtRate:
    """255^2 MSE(x, C(x')) - weight * the growth of the bits per pixel over those of x.

    Args:
        weight: of the penalty, in squared levels for a bit per pixel.
    """

    needs: ClassVar[Half] = "both"
    wants_clean: ClassVar[bool] = True
    weight: Annotated[float, Field(gt=0)] = 1000.0

    def __call__(self, view: View) -> Tensor:
        """Return the penalised error of each picture, (B,)."""
        longer = bpp(view, given(view.bits)) - bpp(view, given(view.clean_bits))
        return _error(view, view.reconstruction) - self.weight * longer.relu()


def _error(view: View, reconstruction: Tensor | None) -> Tensor:
    """Return the mean squared error against the source picture, in squared levels, (B,)."""
    difference = (given(reconstruction).clamp(0, 1) - view.source) * 255
    error: Tensor = difference.square().flatten(1).mean(1)
    return error
