"""A net whose weights are final, with the layers that are quicker so in the place of its own."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import cast

from compressai.layers import GDN
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.learned.frozen.bfloat16_input import Unrounded, rounds, sees_pictures
from backends.learned.frozen.gdn import FrozenGDN
from backends.learned.frozen.outer_convolutions import Outermost, is_outermost
from backends.learned.nets import view

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


def quick(net: CompressionModel) -> CompressionModel:
    """Return a view of a net that shares all but some layers, which give the same.

    To be used for gradients with regard to pictures; what codes bitstreams stays as it is, to the
    bit. The net itself stays as it is.
    """
    return cast("CompressionModel", _quick(net))


def _quick(part: nn.Module) -> nn.Module:
    if type(part) is GDN:
        return FrozenGDN(part)
    if is_outermost(part):
        return Outermost(cast("nn.Conv2d | nn.ConvTranspose2d", part))
    if sees_pictures(part):
        return Unrounded(cast("nn.Conv2d", part))
    if is_convolution(part):
        return CastOnce(part)
    seen = {name: _quick(child) for name, child in part.named_children()}
    changed = {name: child for name, child in seen.items() if child is not part._modules[name]}
    return view(part, **changed) if changed else part
