"""Convolutions of pictures that bfloat16 does not round before it has to.

bfloat16 has eight binary digits. Above one half its numbers are a level of 256 apart, so a net may
not see what an attack has changed by less; and biases, once rounded, shift all that a layer gives.
So where autocast would round them, pictures, weights and biases are cut in two each, what bfloat16
keeps and what it leaves, and one convolution of more channels adds up the products and the bias:

    kept picture  left picture  kept picture  1
    kept weight   kept weight   left weight   left bias    + kept bias

The product that is left out is smaller by 2^-16. Of three channels that costs little.
"""

from __future__ import annotations

from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 4
"""Channels that pictures have at most."""

_Sides: TypeAlias = tuple[int, ...]


def sees_pictures(part: nn.Module) -> bool:
    """Tell whether a layer is a convolution of so few channels, centred on pixels."""
    return (
        type(part) is nn.Conv2d
        and part.in_channels <= FEW
        and part.groups == 1
        and part.padding_mode == "zeros"
        and part.padding == tuple(map(_half, part.kernel_size, part.dilation))
    )


def _half(kernel: int, dilation: int) -> float:
    return dilation * (kernel - 1) / 2


class Unrounded(nn.Module):
    """Such a layer, its weights final; exactly that layer outside autocast.

    Args:
        layer: for which `sees_pictures` holds.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the layer gives, rounded once: to the precision of convolutions."""
        layer = self._layer
        padding = cast("_Sides", layer.padding)
        return convolve(inputs, layer.weight, layer.bias, layer.stride, padding, layer.dilation)


def rounds(inputs: Tensor) -> bool:
    """Tell whether autocast makes convolutions compute in bfloat16 where these inputs are."""
    kind = inputs.device.type
    return (
        torch.amp.is_autocast_available(kind)
        and torch.is_autocast_enabled(kind)
        and torch.get_autocast_dtype(kind) == torch.bfloat16
    )


def convolve(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: _Sides,
    padding: _Sides,
    dilation: _Sides = (1, 1),
) -> Tensor:
    """Return `torch.nn.functional.conv2d`'s result; what autocast would round is cut in two.

    Args:
        inputs: (B, C, H, W), of few channels.
        weight: (N, C, kH, kW), final: gradients are those of the inputs.
        bias: (N,).
        stride: as that function's, as is what follows.
        padding: with zeros, half of what a kernel spans but one.
        dilation: between what one output is made of.
    """
    if inputs.dtype == torch.float32 and rounds(inputs):
        inputs, weight = _cut_inputs(inputs), _cut_weight(weight, bias)
    return functional.conv2d(inputs, weight, bias, stride, padding, dilation)


def _cut_inputs(inputs: Tensor) -> Tensor:
    """Return (B, 3C + 1, H, W); gradients flow through the first C, for the kept weights."""
    kept, left = _cut(inputs)
    still = (left.detach(), kept.detach(), torch.ones_like(left[:, :1]))
    return _last(torch.cat((kept, *still), 1))


def _cut_weight(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return (N, 3C + 1, kH, kW); of biases what is left, in the middle, never beyond an edge."""
    kept, left = _cut(weight)
    biases = torch.zeros_like(left[:, :1])
    if bias is not None:
        _, biases[:, 0, weight.shape[2] // 2, weight.shape[3] // 2] = _cut(bias)
    return _last(torch.cat((kept, kept, left, biases), 1))


def _cut(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return what bfloat16 keeps of float32, and what it leaves."""
    kept = values.bfloat16()
    return kept, (values - kept).bfloat16()


def _last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last)
