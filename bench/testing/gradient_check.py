"""Whether a gradient is a slope: against a central difference, while rounding does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias
from unittest import mock

import torch
from torch import Tensor

_STEPS = {torch.float32: 2e-3, torch.float64: 1e-5}
"""Of the difference, at most: half a level in float32, where less is lost in its rounding."""

Outputs: TypeAlias = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Slopes:
    """One derivative, found in two ways.

    Attributes:
        analytic: from the gradient.
        numeric: from a difference.
        precision: what it was computed in.
    """

    analytic: float
    numeric: float
    precision: str

    @property
    def error(self) -> float:
        """How far they are apart, as a share."""
        return abs(self.analytic - self.numeric) / abs(self.analytic)


@contextmanager
def unrounded() -> Iterator[None]:
    """Let torch's rounding do nothing, in every spelling that codecs use."""
    with (
        mock.patch.object(torch, "round", lambda values: values),
        mock.patch.object(torch.Tensor, "round", lambda values: values),
    ):
        yield


def slopes(outputs: Outputs, images: Tensor) -> Slopes:
    """Return the derivative of all outputs' sum along its gradient.

    In float64 where the outputs come in float64 for pictures in float64, else in float32.
    """
    precision = torch.float64 if _is_double(outputs, images.double()) else torch.float32

    def value(at: Tensor) -> Tensor:
        return torch.stack([output.double().sum() for output in outputs(at)]).sum()

    at = images.to(precision).requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(at), at)
    step = gradient * (_STEPS[precision] / float(gradient.abs().max()))
    with torch.no_grad():
        difference = float(value(at + step) - value(at - step)) / 2
    along = float((gradient.double() * step.double()).sum())
    return Slopes(along, difference, str(precision).removeprefix("torch."))


def _is_double(outputs: Outputs, images: Tensor) -> bool:
    try:
        with torch.no_grad():
            return all(output.dtype == torch.float64 for output in outputs(images))
    except (RuntimeError, TypeError):  # weights in float32 take no pictures in float64
        return False
