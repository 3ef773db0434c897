"""Convolutions that skip pixels, without a fault of torch in their weight gradients."""

from __future__ import annotations

import functools
from typing import Any, TypeVar, cast

from torch import Tensor, nn
from torch.nn import functional

Net = TypeVar("Net", bound=nn.Module)


def subsampling_first(net: Net) -> Net:
    """Let 1x1 convolutions with a stride drop the pixels they skip before they compute, in place.

    The result is the same, so only those without padding and groups are changed. The weight
    gradient of such a convolution in channels_last, with few channels, writes outside its memory on
    some processors (torch 2.14, oneDNN).
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and _skips_pixels(layer):
            cast("Any", layer).forward = functools.partial(_on_kept_pixels, layer)
    return net


def _skips_pixels(layer: nn.Conv2d) -> bool:
    is_plain = layer.padding == (0, 0) and layer.groups == 1
    return is_plain and layer.kernel_size == (1, 1) != layer.stride


def _on_kept_pixels(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    down, right = layer.stride
    return functional.conv2d(inputs[..., ::down, ::right], layer.weight, layer.bias)
