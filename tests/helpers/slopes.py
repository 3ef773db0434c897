"""Directional derivatives, from gradients and from differences."""

from __future__ import annotations

import torch


def slopes_along(function, images, direction):
    """The derivative in a direction, from gradients and from a central difference."""
    at = images.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(function(at), at)
    step = 1e-6
    difference = function(images + step * direction) - function(images - step * direction)
    return float((gradient * direction).sum()), float(difference / (2 * step))
