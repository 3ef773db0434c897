"""Convolutions of final weights, which autocast would cast to bfloat16 at every forward pass."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import cast

from torch import Tensor, nn

from backends.unrounded import rounds

_KINDS = (nn.Conv2d, nn.ConvTranspose2d)


def is_convolution(part: nn.Module) -> bool:
    """Tell whether a layer is a plain convolution, or the transpose of one."""
    return type(part) in _KINDS


class CastOnce(nn.Module):
    """Such a layer; what it gives under autocast is the same to the bit.

    Args:
        layer: for which `is_convolution` holds. Its weights are cast when they are first needed so.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the layer gives."""
        layer = self._coarse if rounds(inputs) else self._layer
        return cast("Tensor", layer(inputs))

    @cached_property
    def _coarse(self) -> nn.Module:
        coarse = copy.copy(self._layer)
        coarse._parameters = {
            name: None if values is None else nn.Parameter(values.bfloat16(), requires_grad=False)
            for name, values in self._layer._parameters.items()
        }
        return coarse
