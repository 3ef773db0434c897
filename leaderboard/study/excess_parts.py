"""The parts of the excess: what J under attack consists of beyond J of a faithful codec.

With x the source picture, x' the adversarial one, C(x') its reconstruction, and k = lambda 255^2,

    bpp' + k MSE(x, C(x'))                      J under attack
    - bpp - k MSE(x, C(x)) - k MSE(x, x')       J of a faithful codec
    = (bpp' - bpp)                              rate
    + k (MSE(x', C(x')) - MSE(x, C(x)))         coding
    + k 2 mean((C(x') - x') (x' - x))           alignment

The last line follows from C(x') - x = (C(x') - x') + (x' - x).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from statistics import fmean

from bench.metrics.scores import rd_cost
from bench.store.records import Scores


@dataclass(frozen=True)
class ExcessParts:
    """The parts of the excess, each a part of the R-D cost; their sum is the excess.

    Attributes:
        rate: the additional bits per pixel.
        coding: of the additional error between the codec's input and its reconstruction.
        alignment: of perturbation and coding error that point in the same direction; negative
            where the codec removes part of the perturbation.
    """

    rate: float
    coding: float
    alignment: float


def excess_parts(scores: Collection[Scores], lmbda: float) -> ExcessParts:
    """Return the mean parts of the excess.

    Args:
        scores: of adversarial pictures, at least one.
        lmbda: the weight of 255^2 MSE in the R-D cost.
    """
    added = fmean(one.mse_input - one.mse_clean for one in scores)
    crossed = fmean(one.mse_source - one.mse_input - one.mse_perturbation for one in scores)
    return ExcessParts(
        rate=fmean(one.bpp - one.bpp_clean for one in scores),
        coding=rd_cost(0.0, added, lmbda),
        alignment=rd_cost(0.0, crossed, lmbda),
    )
