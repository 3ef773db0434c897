"""Bitstream collisions: another picture with the very bytes of the source picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.attack import Half, View, given

_MARGIN = 0.25
"""Offset up to which a latent costs nothing, in rounding steps; it is coded alike below 0.5."""


@dataclass(frozen=True)
class Collision:
    """Minus the distance of the latents from those that are rounded like the source picture's.

    On the surrogate it is minus the sum of the squared excesses of the offsets over a quarter of a
    rounding step. In a query it is minus the number of bytes in which the bitstreams differ, so 0
    is a collision. The paper minimises the distance of the latents (arXiv 2503.19817).
    """

    needs: ClassVar[Half] = "latents"
    wants_clean: ClassVar[bool] = True

    def __call__(self, view: View) -> Tensor:
        """Return the value of each picture, (B,), at most 0."""
        if view.offsets is None:
            return -given(view.differing)
        excesses = [(offset.abs() - _MARGIN).relu() for offset in view.offsets.values()]
        costs = [excess.square().flatten(1).sum(1) for excess in excesses]
        total: Tensor = sum(costs[1:], costs[0])
        return -total
