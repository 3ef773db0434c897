"""Convolutions of pictures in bfloat16 without rounding the picture.

bfloat16 has eight significant bits. Above one half its numbers are 1/256 apart, so a network may
not see smaller perturbations, and a rounded bias shifts the whole output of a layer. Where autocast
would round pictures, weights and biases, each is therefore split into its bfloat16 value (high) and
the bfloat16 value of the remainder (low). One convolution with more channels sums the products and
the bias:

    high picture  low picture   high picture  1
    high weight   high weight   low weight    low bias    + high bias

The omitted product, low picture times low weight, is smaller by 2^-16. For three channels the
additional cost is small.
"""

from __future__ import annotations

from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 4
"""The most channels of a picture."""

_Sides: TypeAlias = tuple[int, ...]


def takes_pictures(part: nn.Module) -> bool:
    """Return whether a layer is a centred convolution of at most `FEW` input channels."""
    return (
        type(part) is nn.Conv2d
        and part.in_channels <= FEW
        and part.groups == 1
        and part.padding_mode == "zeros"
        and part.padding == tuple(map(_half, part.kernel_size, part.dilation))
    )


def _half(kernel: int, dilation: int) -> float:
    return dilation * (kernel - 1) / 2


class UnroundedConvolution(nn.Module):
    """Such a layer with frozen weights; outside autocast it is exactly that layer.

    Args:
        layer: a layer for which `takes_pictures` is true.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's output, rounded once to the precision of convolutions."""
        layer = self._layer
        padding = cast("_Sides", layer.padding)
        return convolve(inputs, layer.weight, layer.bias, layer.stride, padding, layer.dilation)


def is_autocast_to_bfloat16(inputs: Tensor) -> bool:
    """Return whether autocast makes convolutions of these inputs compute in bfloat16."""
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
    """Return the result of `torch.nn.functional.conv2d`, with split inputs under autocast.

    Args:
        inputs: (B, C, H, W), with few channels.
        weight: (N, C, kH, kW), frozen: only the inputs have gradients.
        bias: (N,), or None.
        stride: as in `conv2d`.
        padding: zero padding that centres the kernel.
        dilation: as in `conv2d`.
    """
    if inputs.dtype == torch.float32 and is_autocast_to_bfloat16(inputs):
        inputs, weight = _split_inputs(inputs), _split_weight(weight, bias)
    return functional.conv2d(inputs, weight, bias, stride, padding, dilation)


def _split_inputs(inputs: Tensor) -> Tensor:
    """Return (B, 3C + 1, H, W); gradients flow through the first C channels only."""
    high, low = _split(inputs)
    constants = (low.detach(), high.detach(), torch.ones_like(low[:, :1]))
    return _channels_last(torch.cat((high, *constants), 1))


def _split_weight(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return (N, 3C + 1, kH, kW); low biases are at the kernel's centre, never in the padding."""
    high, low = _split(weight)
    biases = torch.zeros_like(low[:, :1])
    if bias is not None:
        _, biases[:, 0, weight.shape[2] // 2, weight.shape[3] // 2] = _split(bias)
    return _channels_last(torch.cat((high, high, low, biases), 1))


def _split(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return float32 values as bfloat16, and the remainder as bfloat16."""
    high = values.bfloat16()
    return high, (values - high).bfloat16()


def _channels_last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last)
