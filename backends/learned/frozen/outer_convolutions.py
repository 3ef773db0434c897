"""The convolutions between the picture's three channels and a net's many, with frozen weights.

    down   nn.Conv2d           (B, 3, 2h, 2w) -> (B, N, h, w)     5x5, stride 2
    up     nn.ConvTranspose2d  (B, N, h, w) -> (B, 3, 2h, 2w)     its adjoint

What makes three channels of many is several times slower a product than what makes many. So here
the four pixels of each stride are made as twelve channels of one convolution of stride 1, and put
in their places (Shi et al. 2016, arXiv 1609.05158): where "up" runs forward and "down" backward.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from backends.learned.frozen.bfloat16_input import FEW, convolve

_KERNEL, _STRIDE, _PADDING = (5, 5), (2, 2), (2, 2)


def is_outermost(part: nn.Module) -> bool:
    """Tell whether a layer is one of these two."""
    if type(part) is nn.Conv2d:
        few = part.in_channels
    elif type(part) is nn.ConvTranspose2d and part.output_padding == (1, 1):
        few = part.out_channels
    else:
        return False
    shape = (part.kernel_size, part.stride, part.padding, part.dilation, part.groups)
    return few <= FEW and shape == (_KERNEL, _STRIDE, _PADDING, (1, 1), 1)


class Outermost(nn.Module):
    """One of the two layers, as its weights are now.

    Args:
        layer: for which `is_outermost` holds; sides of what it is given must be even.
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
        """Return what the layer gives."""
        weights = self.weight, self.corners, self.bias
        return cast("Tensor", _Product.apply(inputs, *weights, self._is_down))


class _Product(torch.autograd.Function):
    """Either layer; the gradient of one is the other. None for weights, none of second order."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's
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
    """Return the 3x3 kernels of the four corners, (4 few, many, 3, 3), of one of 5x5.

    Pixel 2r + a of the many-to-few direction is the sum over k of weight[k] times pixel m, where
    2m + k - 2 = 2r + a: so m = r + (a + 2 - k) / 2 for those k that make it whole.

    Args:
        weight: (many, few, 5, 5).
    """
    many, few, *_ = weight.shape
    made = weight.new_zeros(few, 2, 2, many, 3, 3)
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for k in range(a % 2, 5, 2):
            for m in range(b % 2, 5, 2):
                row, column = (a + 2 - k) // 2 + 1, (b + 2 - m) // 2 + 1
                made[:, a, b, :, row, column] = weight[:, :, k, m].t()
    return made.view(4 * few, many, 3, 3).contiguous(memory_format=torch.channels_last)
