"""Norms and directions of batches of pictures, and Adam on pictures.

Norms are computed in float64, because squares of small gradients underflow in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST_NORM = 1e-300
"""Replaces a norm of 0, so that nothing is divided by 0."""


def norms(vectors: Tensor, order: int = 2) -> Tensor:
    """Return the l1 or l2 norm of each picture of (B, ...), float64 (B, 1, 1, 1), never 0."""
    result: Tensor = vectors.double().flatten(1).norm(p=order, dim=1)
    return result.clamp_min(_SMALLEST_NORM).view(-1, 1, 1, 1)


def normalised(vectors: Tensor, order: int = 2) -> Tensor:
    """Return vectors of norm 1; vectors of zeros stay zeros."""
    return (vectors / norms(vectors, order)).to(vectors)


def orthogonal_part(vectors: Tensor, others: Tensor) -> Tensor:
    """Return the component of each vector that is orthogonal to the corresponding other vector."""
    axes = others / norms(others)
    projections = (vectors * axes).flatten(1).sum(1).view(-1, 1, 1, 1)
    return (vectors - projections * axes).to(vectors)


class Adam:
    """Gradient ascent on pictures with Adam (Kingma & Ba 2015, arXiv 1412.6980).

    Args:
        images: the start, float (B, 3, H, W).
        lr: the learning rate.
    """

    def __init__(self, images: Tensor, lr: float) -> None:
        self.images = images.clone()
        self._optimiser = torch.optim.Adam([self.images], lr=lr)

    def step(self, gradients: Tensor) -> None:
        """Take one ascent step along gradients of the shape of the pictures."""
        self.images.grad = -gradients.to(self.images)
        self._optimiser.step()

    def move(self, images: Tensor) -> None:
        """Replace the pictures and keep Adam's moments."""
        self.images.copy_(images)
