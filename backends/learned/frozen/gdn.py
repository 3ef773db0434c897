"""GDN with frozen weights, for gradients with respect to its inputs only.

    y = x n^(-1/2),  n = beta + Gamma x^2      dL/dx = g n^(-1/2) - x (Gamma^T (g x n^(-3/2)))
    y = x n^( 1/2)   (inverse)                 dL/dx = g n^( 1/2) + x (Gamma^T (g x n^(-1/2)))

Ballé et al. (2016), arXiv 1511.06281. CompressAI recomputes beta and Gamma in every forward, and
autograd traverses the whole tensor once per operation. Here each block of pixels goes through all
operations while it is in the processor's cache.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from compressai.layers import GDN
from torch import Tensor, nn

_BLOCK = 1 << 16
"""Values per block on a CPU: with the intermediate results, about one megabyte."""


class FrozenGDN(nn.Module):
    """A GDN layer with frozen weights.

    Args:
        layer: the layer whose current weights are used.
    """

    beta: Tensor
    gamma: Tensor

    def __init__(self, layer: GDN) -> None:
        super().__init__()
        with torch.no_grad():
            self.register_buffer("beta", layer.beta_reparam(layer.beta))
            self.register_buffer("gamma", layer.gamma_reparam(layer.gamma))
        self._inverse = layer.inverse

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised inputs, (B, C, H, W) in channels-last order and their precision."""
        weights = self.gamma.to(inputs.dtype), self.beta.to(inputs.dtype)
        with torch.autocast(inputs.device.type, enabled=False):
            return cast("Tensor", _Normalised.apply(inputs, *weights, self._inverse))


class _Normalised(torch.autograd.Function):
    """GDN without gradients for the weights and without second-order gradients.

    The result is not a view: residual blocks add to it in place, and autograd would copy a view in
    channels-first order at every backward step.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, gamma: Tensor, beta: Tensor, inverse: bool) -> Tensor:  # noqa: ANN401 - torch's signature
        scale, out = _like(inputs), _like(inputs)
        for x, s, y in _blocks(inputs, scale, out):
            torch.mul(x, x, out=y)
            torch.addmm(beta, y, gamma.t(), out=s)
            _ = s.sqrt_() if inverse else s.rsqrt_()
            torch.mul(x, s, out=y)
        ctx.save_for_backward(inputs, scale, gamma)
        ctx.inverse = inverse
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        inputs, scale, gamma = ctx.saved_tensors
        out = _like(inputs)
        for x, s, g, dx in _blocks(inputs, scale, gradient, out):
            torch.mul(g, x, out=dx)
            _ = dx.div_(s) if ctx.inverse else dx.mul_(s).mul_(s).mul_(s)
            through = dx @ gamma
            torch.mul(g, s, out=dx)
            dx.addcmul_(x, through, value=1 if ctx.inverse else -1)
        return out, None, None, None


def _like(inputs: Tensor) -> Tensor:
    return torch.empty_like(inputs, memory_format=torch.channels_last)


def _blocks(*tensors: Tensor) -> zip[tuple[Tensor, ...]]:
    """Yield the same block of pixels of all tensors, (pixels, C); on a GPU, one block for all."""
    first, *_ = tensors
    pixels = first.numel() if first.is_cuda else max(1, _BLOCK // first.shape[1])
    rows = (each.permute(0, 2, 3, 1).flatten(0, 2) for each in tensors)
    return zip(*(each.split(pixels) for each in rows), strict=True)
