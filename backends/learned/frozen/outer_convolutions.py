"""The convolutions between a picture's three channels and a network's many, with frozen weights.

    down   nn.Conv2d           (B, 3, 2h, 2w) -> (B, N, h, w)     5x5, stride 2
    up     nn.ConvTranspose2d  (B, N, h, w) -> (B, 3, 2h, 2w)     its adjoint

A product with three output channels is several times slower than one with many. Therefore the four
pixels of each stride are computed as twelve channels of one convolution of stride 1 and rearranged
(pixel shuffle, Shi et al. 2016, arXiv 1609.05158): in the forward pass of "up" and the backward
pass of "down".
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from backends.learned.frozen.bfloat16_input import FEW, convolve

_KERNEL, _STRIDE, _PADDING = (5, 5), (2, 2), (2, 2)


def is_outer_convolution(part: nn.Module) -> bool:
    """Return whether a layer is one of these two."""
    if type(part) is nn.Conv2d:
        few = part.in_channels
    elif type(part) is nn.ConvTranspose2d and part.output_padding == (1, 1):
        few = part.out_channels
    else:
        return False
    shape = (part.kernel_size, part.stride, part.padding, part.dilation, part.groups)
    return few <= FEW and shape == (_KERNEL, _STRIDE, _PADDING, (1, 1), 1)


class OuterConvolution(nn.Module):
    """One of the two layers with frozen weights.

    Args:
        layer: a layer for which `is_outer_convolution` is true. The sides of the inputs of "down"
            must be even.
    """

    weight: Tensor
    corners: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self._is_down = isinstance(layer, nn.Conv2d)
        weight = layer.weight.detach().contiguous(memory_format=torch.channels_last)
        bias = weight.new_zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()
        self.register_buffer("weight", weight)
        self.register_buffer("corners", _corners(weight))
        self.register_buffer("bias", bias if self._is_down else bias.repeat_interleave(4))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's output."""
        weights = self.weight, self.corners, self.bias
        return cast("Tensor", _Product.apply(inputs, *weights, self._is_down))


class _Product(torch.autograd.Function):
    """Either layer; one is the gradient of the other. The weights have no gradient."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's signature
        inputs: Tensor,
        weight: Tensor,
        corners: Tensor,
        bias: Tensor,
        is_down: bool,
    ) -> Tensor:
        ctx.save_for_backward(weight, corners)
        ctx.is_down = is_down
        if is_down:
            return convolve(inputs, weight, bias, _STRIDE, _PADDING)
        return _spread(inputs, corners, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        weight, corners = (each.to(gradient.dtype) for each in ctx.saved_tensors)
        if ctx.is_down:
            back = _spread(gradient, corners)
        else:
            back = functional.conv2d(gradient, weight, None, _STRIDE, _PADDING)
        return back, None, None, None, None


def _spread(inputs: Tensor, corners: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.pixel_shuffle(functional.conv2d(inputs, corners, bias, padding=1), 2)


def _corners(weight: Tensor) -> Tensor:
    """Return the 3x3 kernels of the four pixels of a stride, (4 few, many, 3, 3).

    In the direction from many channels to few, pixel 2r + a is the sum over k of weight[k] times
    pixel m with 2m + k - 2 = 2r + a. Hence m = r + (a + 2 - k) / 2, for all k for which m is an
    integer.

    Args:
        weight: (many, few, 5, 5).
    """
    many, few, *_ = weight.shape
    kernels = weight.new_zeros(few, 2, 2, many, 3, 3)
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for k in range(a % 2, 5, 2):
            for m in range(b % 2, 5, 2):
                row, column = (a + 2 - k) // 2 + 1, (b + 2 - m) // 2 + 1
                kernels[:, a, b, :, row, column] = weight[:, :, k, m].t()
    return kernels.view(4 * few, many, 3, 3).contiguous(memory_format=torch.channels_last)
