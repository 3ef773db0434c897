"""GDN of frozen weights, for gradients with regard to pictures alone.

    y = x n^(-1/2),  n = beta + Gamma x^2      dL/dx = g n^(-1/2) - x (Gamma^T (g x n^(-3/2)))
    y = x n^( 1/2)   (inverse)                 dL/dx = g n^( 1/2) + x (Gamma^T (g x n^(-1/2)))

Ballé et al. (2016), arXiv 1511.06281. CompressAI derives beta and Gamma anew at every forward, and
autograd passes over memory once for every operation of it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from compressai.layers import GDN
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.nets import view


def with_frozen_gdn(net: CompressionModel) -> CompressionModel:
    """Return a view of a net that shares everything but its GDNs, whose weights are taken as final.

    The net itself stays as it is.
    """
    return cast("CompressionModel", _replaced(net))


def _replaced(part: nn.Module) -> nn.Module:
    if type(part) is GDN:
        return FrozenGDN(part)
    seen = {name: _replaced(child) for name, child in part.named_children()}
    changed = {name: child for name, child in seen.items() if child is not part._modules[name]}
    return view(part, **changed) if changed else part


class FrozenGDN(nn.Module):
    """A GDN as its weights are now."""

    beta: Tensor
    gamma: Tensor

    def __init__(self, layer: GDN) -> None:
        super().__init__()
        with torch.no_grad():
            self.register_buffer("beta", layer.beta_reparam(layer.beta))
            self.register_buffer("gamma", layer.gamma_reparam(layer.gamma))
        self._inverse = layer.inverse

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised inputs, (B, C, H, W), channels last, in the inputs' precision."""
        weights = self.gamma.to(inputs.dtype), self.beta.to(inputs.dtype)
        rows = inputs.permute(0, 2, 3, 1)
        with torch.autocast(inputs.device.type, enabled=False):
            out = _Normalised.apply(rows.flatten(0, 2), *weights, self._inverse)
        return cast("Tensor", out).view(rows.shape).permute(0, 3, 1, 2)


class _Normalised(torch.autograd.Function):
    """Rows of channels, (pixels, C); no gradient for the weights, and none of second order."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, gamma: Tensor, beta: Tensor, inverse: bool) -> Tensor:  # noqa: ANN401 - torch's
        norm = torch.addmm(beta, rows * rows, gamma.t())
        scale = norm.sqrt_() if inverse else norm.rsqrt_()
        ctx.save_for_backward(rows, scale, gamma)
        ctx.inverse = inverse
        return rows * scale

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        rows, scale, gamma = ctx.saved_tensors
        through = gradient * rows
        through = through.div_(scale) if ctx.inverse else through.mul_(scale * scale * scale)
        back = through @ gamma
        out = (gradient * scale).addcmul_(rows, back, value=1 if ctx.inverse else -1)
        return out, None, None, None
