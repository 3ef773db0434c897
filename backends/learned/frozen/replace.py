"""Replaces layers of a model with frozen weights by faster layers."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import cast

from compressai.layers import GDN
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.learned.frozen.bfloat16_input import (
    UnroundedConvolution,
    is_autocast_to_bfloat16,
    takes_pictures,
)
from backends.learned.frozen.gdn import FrozenGDN
from backends.learned.frozen.outer_convolutions import OuterConvolution, is_outer_convolution
from backends.learned.nets import view

_KINDS = (nn.Conv2d, nn.ConvTranspose2d)


def is_convolution(part: nn.Module) -> bool:
    """Return whether a layer is a plain convolution or transposed convolution."""
    return type(part) in _KINDS


class CastOnce(nn.Module):
    """Such a layer with weights that are cast once; its outputs are the same to the bit.

    Args:
        layer: a layer for which `is_convolution` is true. Its weights are cast to bfloat16 when
            autocast first needs them.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's output."""
        layer = self._in_bfloat16 if is_autocast_to_bfloat16(inputs) else self._layer
        return cast("Tensor", layer(inputs))

    @cached_property
    def _in_bfloat16(self) -> nn.Module:
        cast_layer = copy.copy(self._layer)
        cast_layer._parameters = {
            name: None if values is None else nn.Parameter(values.bfloat16(), requires_grad=False)
            for name, values in self._layer._parameters.items()
        }
        return cast_layer


def with_fast_layers(net: CompressionModel) -> CompressionModel:
    """Return a view of a model in which some layers are replaced by equivalent faster layers.

    The view is for gradients with respect to pictures. The model itself, which codes bitstreams,
    stays unchanged to the bit.
    """
    return cast("CompressionModel", _replaced(net))


def _replaced(part: nn.Module) -> nn.Module:
    if type(part) is GDN:
        return FrozenGDN(part)
    if is_outer_convolution(part):
        return OuterConvolution(cast("nn.Conv2d | nn.ConvTranspose2d", part))
    if takes_pictures(part):
        return UnroundedConvolution(cast("nn.Conv2d", part))
    if is_convolution(part):
        return CastOnce(part)
    children = {name: _replaced(child) for name, child in part.named_children()}
    changed = {name: child for name, child in children.items() if child is not part._modules[name]}
    return view(part, **changed) if changed else part
