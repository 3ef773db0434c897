"""Whether a gradient is a slope: against a central difference, while rounding does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor

_STEP = 2e-3
"""Of the difference, at most, half a level: small for a codec, large for float32."""


@contextmanager
def unrounded() -> Iterator[None]:
    """Let torch's rounding do nothing, in every spelling that codecs use."""
    with (
        mock.patch.object(torch, "round", lambda values: values),
        mock.patch.object(torch.Tensor, "round", lambda values: values),
    ):
        yield


def slopes(value: Callable[[Tensor], Tensor], images: Tensor) -> tuple[float, float]:
    """Return the derivative along the gradient, from the gradient and from a difference."""
    at = images.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(at), at)
    step = gradient * (_STEP / float(gradient.abs().max()))
    with torch.no_grad():
        difference = float(value(images + step) - value(images - step)) / 2
    return float((gradient.double() * step.double()).sum()), difference
