"""torch's Adam on one batch of pictures, going up and not down."""

from __future__ import annotations

import torch
from torch import Tensor


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
