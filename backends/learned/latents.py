"""The latents of CompressAI models before rounding, and as they are coded.

    factorised     y                                        y - median is rounded
    hyperprior     y, z = h_a(|y|)                          y and z - median are rounded
    mean-scale     y, z = h_a(y), mean = h_s(coded z)       y - mean and z - median are rounded

Two pictures with the same coded latents have the same bitstream. If z is coded alike, so are the
scales and means that follow from it. In autoregressive models the rounding of a latent depends on
latents coded before, so they are not supported.
"""

from __future__ import annotations

import torch
from compressai.models import (
    CompressionModel,
    FactorizedPrior,
    FactorizedPriorReLU,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from torch import Tensor

from bench.errors import Unsupported

_HYPERPRIORS = {ScaleHyperprior, MeanScaleHyperprior}
_KNOWN = {FactorizedPrior, FactorizedPriorReLU, *_HYPERPRIORS}


def streams(net: CompressionModel, images: Tensor) -> dict[str, Tensor]:
    """Return the latents of each stream before rounding, each (B, C, h, w).

    Args:
        net: the model.
        images: float (B, 3, H, W) in [0, 1], padded.

    Raises:
        Unsupported: the model is of another kind.
    """
    if type(net) not in _KNOWN:
        raise Unsupported(
            f"the latents of {type(net).__name__} are not rounded one by one; use a factorised or a"
            " (mean-)scale hyperprior model without a context model"
        )
    latents = net.g_a(images)
    if type(net) not in _HYPERPRIORS:
        return {"y": latents}
    inputs = latents if isinstance(net, MeanScaleHyperprior) else latents.abs()
    return {"y": latents, "z": net.h_a(inputs)}


@torch.no_grad()
def coded_streams(net: CompressionModel, images: Tensor) -> dict[str, Tensor]:
    """Return the latents of each stream as they are coded, each (B, C, h, w); see `streams`."""
    latents = streams(net, images)
    if "z" not in latents:
        return {"y": _coded(net, latents["y"])}
    hyper, means = _coded(net, latents["z"]), None
    if isinstance(net, MeanScaleHyperprior):
        _, means = net.h_s(hyper).chunk(2, 1)
    quantise = net.gaussian_conditional.quantize
    return {"y": quantise(latents["y"], "dequantize", means), "z": hyper}


def _coded(net: CompressionModel, latents: Tensor) -> Tensor:
    """Return latents as an entropy bottleneck codes them: in evaluation mode, it rounds."""
    coded: Tensor = net.entropy_bottleneck(latents, training=False)[0]
    return coded
