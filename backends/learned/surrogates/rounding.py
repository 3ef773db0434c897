"""The surrogate of rounding inside a model's own forward.

Models round in several ways. In evaluation mode, some have no gradient:

    round(x)                          no gradient
    x + (round(x) - x).detach()       straight-through
    round(x) - x.detach() + x         straight-through

Inside `SurrogateRounding`, all of them have the gradient of the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.codec import Rounding

_ROUND = {torch.round, Tensor.round}
_SOURCE = "_before_rounding"


class SurrogateRounding(TorchFunctionMode):
    """Gives every rounding the identity as gradient, for one forward pass.

    A `detach` of a tensor that was rounded before is left out: in the last form above, x would
    otherwise count twice.

    Args:
        rounding: whether values are rounded; without rounding, they are those of the identity, too.
    """

    def __init__(self, rounding: Rounding) -> None:
        super().__init__()
        self._round = _straight_through if rounding == "straight-through" else torch.clone
        self._sources: list[Tensor] = []

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        del types
        if function in _ROUND:
            self._sources.append(args[0])
            return _from(args[0], self._round(args[0]))
        if function is Tensor.detach and any(args[0] is source for source in self._sources):
            return args[0]
        return function(*args, **(kwargs or {}))


def before_rounding(values: Tensor) -> Tensor:
    """Return what `SurrogateRounding` rounded to these values, or else the values."""
    source: Tensor = getattr(values, _SOURCE, values)
    return source


def _from(source: Tensor, rounded: Tensor) -> Tensor:
    setattr(rounded, _SOURCE, source)
    return rounded


def _straight_through(values: Tensor) -> Tensor:
    rounded: Tensor = _Round.apply(values)
    return rounded


class _Round(torch.autograd.Function):
    """Rounding with the identity as gradient; unlike x + (round(x) - x), the value is exact."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:  # noqa: ANN401 - torch's context
        return torch.round(values)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return gradient
