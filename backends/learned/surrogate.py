"""The surrogate of CompressAI models: differentiable quantisation and entropy coding.

reconstruction   rounds the latents, with the identity as the gradient of rounding
                 (straight-through), or decodes the unrounded latents, as a search chooses
rate             the real coder's bits of the rounded latents, with the gradient of a smooth cost of
                 the unrounded latents; includes the hyperprior path, whose rounding is always
                 straight-through
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from compressai.entropy_models import EntropyBottleneck, GaussianConditional
from compressai.latent_codecs import GaussianConditionalLatentCodec, HyperLatentCodec
from compressai.models import (
    Cheng2020Anchor,
    Cheng2020Attention,
    CompressionModel,
    FactorizedPrior,
    FactorizedPriorReLU,
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from torch import Tensor, nn

from backends.learned.entropy_models import (
    CostedBottleneck,
    CostedGaussian,
    PassedBottleneck,
    PassedGaussian,
    RoundedBottleneck,
    RoundedGaussian,
)
from backends.learned.nets import view
from bench.codec import Rounding

_KNOWN = {
    FactorizedPrior,
    FactorizedPriorReLU,
    ScaleHyperprior,
    MeanScaleHyperprior,
    JointAutoregressiveHierarchicalPriors,
    Cheng2020Anchor,
    Cheng2020Attention,
}
"""Models with known data paths; of other models, only the entropy models are replaced."""


class _Detached(nn.Module):
    """A path that is run without gradients, because its gradients would cancel."""

    def __init__(self, path: nn.Module) -> None:
        super().__init__()
        self._path = path

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return cast("Tensor", self._path(inputs))


def reconstruction_view(
    net: CompressionModel, rounding: Rounding = "straight-through"
) -> nn.Module:
    """Return a view of a model that runs only the parts that its reconstruction depends on.

    Without rounding, these are the encoder's and the decoder's transforms. Scale hyperpriors round
    independently of the hyperprior path, and so does the autoregressive models' own forward. In
    mean-scale hyperpriors, rounding depends on the hyperprior path but its gradient does not: the
    straight-through gradients of -mean and +mean cancel.
    """
    if type(net) not in _KNOWN and rounding == "none":
        return _copy_with_entropy_models(
            net, lambda _: PassedGaussian(), lambda _: PassedBottleneck()
        )
    if type(net) not in _KNOWN:
        return _copy_with_entropy_models(net, lambda _: RoundedGaussian(), RoundedBottleneck)
    if rounding == "none":
        return _transforms(net, PassedGaussian())
    if isinstance(net, FactorizedPrior):
        return view(net, entropy_bottleneck=RoundedBottleneck(net.entropy_bottleneck))
    if _uses_means(net):
        return view(
            net,
            h_a=_Detached(net.h_a),
            entropy_bottleneck=RoundedBottleneck(net.entropy_bottleneck),
            gaussian_conditional=RoundedGaussian(),
        )
    return _transforms(net, RoundedGaussian())


def _transforms(net: CompressionModel, gaussian: nn.Module) -> nn.Module:
    """Return a view of a model without its hyperprior path, which changes no reconstruction."""
    unused = {"h_a", "h_s", "context_prediction", "entropy_parameters"} & set(net._modules)
    conditional = {"gaussian_conditional": gaussian} if _has_gaussian(net) else {}
    return view(
        net,
        entropy_bottleneck=PassedBottleneck(),
        **conditional,
        **{name: nn.Identity() for name in unused},
    )


def rd_view(net: CompressionModel, rounding: Rounding = "straight-through") -> nn.Module:
    """Return a view of a model whose "likelihoods" are the coder's bits, with "x_hat"."""
    hyper: Rounding = "straight-through" if _has_gaussian(net) else rounding
    bottleneck = partial(CostedBottleneck, rounding=hyper)
    gaussian = partial(CostedGaussian, rounding=rounding)
    if type(net) not in _KNOWN:
        return _copy_with_entropy_models(net, gaussian, bottleneck)
    entropy: dict[str, nn.Module] = {"entropy_bottleneck": bottleneck(net.entropy_bottleneck)}
    if _has_gaussian(net):
        entropy["gaussian_conditional"] = gaussian(net.gaussian_conditional)
    return view(net, **entropy)


def rate_view(net: CompressionModel) -> nn.Module:
    """Return a view of a model that computes the coder's bits and never runs the decoder."""
    return view(rd_view(net), g_s=nn.Identity())


def _has_gaussian(net: CompressionModel) -> bool:
    """Return whether the bottleneck codes only a hyper-latent."""
    return any(isinstance(part, GaussianConditional) for part in net.modules())


def _uses_means(net: CompressionModel) -> bool:
    return isinstance(net, MeanScaleHyperprior) and not isinstance(
        net, JointAutoregressiveHierarchicalPriors
    )


def _copy_with_entropy_models(
    net: CompressionModel,
    gaussian: Callable[[GaussianConditional], nn.Module],
    bottleneck: Callable[[EntropyBottleneck], nn.Module],
) -> nn.Module:
    """Return a copy that shares every weight, with all entropy models replaced.

    Latent codecs that quantise by themselves use the rounding of their entropy model instead.
    """
    shared = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    copied: nn.Module = copy.deepcopy(net, shared)
    for part in list(copied.modules()):
        for name, child in part.named_children():
            if isinstance(child, GaussianConditional):
                setattr(part, name, gaussian(child))
            elif isinstance(child, EntropyBottleneck):
                setattr(part, name, bottleneck(child))
        if isinstance(part, GaussianConditionalLatentCodec | HyperLatentCodec):
            part.quantizer = "noise"
    return copied
