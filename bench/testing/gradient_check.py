"""Comparison of a gradient with a central difference, with values that are not rounded.

Rounding has a gradient of zero here, too, as always: a surrogate must give it another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.testing.base import require

_STEPS = {torch.float32: 2e-3, torch.float64: 1e-5}
"""Largest step of the difference: half a level in float32, where rounding hides smaller ones."""

Outputs: TypeAlias = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Slopes:
    """One directional derivative, computed in two ways.

    Attributes:
        analytic: from the gradient.
        numeric: from a central difference.
        precision: the dtype of the computation, "float32" or "float64".
    """

    analytic: float
    numeric: float
    precision: str

    @property
    def error(self) -> float:
        """The relative difference."""
        return abs(self.analytic - self.numeric) / abs(self.analytic)


class Unrounded(TorchFunctionMode):
    """Inside it, `torch.round` and `Tensor.round` return their input, without a gradient."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        del types
        if function in {torch.round, Tensor.round}:
            return args[0].detach().clone()
        return function(*args, **(kwargs or {}))


def slopes(outputs: Outputs, images: Tensor) -> Slopes:
    """Return the derivative of the sum of all outputs along its gradient.

    It is computed in float64 if the outputs are float64 for float64 images, else in float32.

    Args:
        outputs: the function to differentiate.
        images: float (B, 3, H, W) in [0, 1].

    Raises:
        BrokenPromise: the gradient is zero or NaN.
    """
    precision = torch.float64 if _is_double(outputs, images.double()) else torch.float32

    def value(at: Tensor) -> Tensor:
        return torch.stack([output.double().sum() for output in outputs(at)]).sum()

    at = images.to(precision).requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(at), at)
    peak = float(gradient.abs().max())
    require(peak > 0, "the gradient is zero everywhere, so it is no slope")
    step = gradient * (_STEPS[precision] / peak)
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
