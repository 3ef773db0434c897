"""Batches of pictures as vectors; lengths are float64, as squares of small gradients underflow."""

from __future__ import annotations

import torch
from torch import Tensor

_NO_LENGTH = 1e-300
"""Takes the place of a length of 0, so that nothing is divided by it."""


def lengths(vectors: Tensor, order: int = 2) -> Tensor:
    """Return the l1 or l2 norm of each picture, (B, 1, 1, 1), never 0."""
    norms: Tensor = vectors.double().flatten(1).norm(p=order, dim=1)
    return norms.clamp_min(_NO_LENGTH).view(-1, 1, 1, 1)


def unit(vectors: Tensor, order: int = 2) -> Tensor:
    """Return vectors of length 1, those of zeros as they are."""
    return (vectors / lengths(vectors, order)).to(vectors)


def without(vectors: Tensor, others: Tensor) -> Tensor:
    """Return the part of each vector that is at right angles to the other one."""
    axes = others / lengths(others)
    shares = (vectors * axes).flatten(1).sum(1).view(-1, 1, 1, 1)
    return (vectors - shares * axes).to(vectors)


class Adam:
    """Pictures, and Adam's memory of where they went.

    Args:
        images: where to begin, float (B, 3, H, W).
        lr: the learning rate.
    """

    def __init__(self, images: Tensor, lr: float) -> None:
        self.images = images.clone()
        self._optimiser = torch.optim.Adam([self.images], lr=lr)

    def step(self, gradients: Tensor) -> None:
        """Take one step up."""
        self.images.grad = -gradients.to(self.images)
        self._optimiser.step()

    def move(self, images: Tensor) -> None:
        """Go on from other pictures, Adam's memory kept."""
        self.images.copy_(images)
