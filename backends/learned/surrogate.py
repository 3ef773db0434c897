"""What stands in for quantisation and the entropy coder of a CompressAI model in a gradient.

The declared surrogate of every CompressAI codec here:

    reconstruction   rounding is kept, its gradient is the identity (straight-through)
    rate             bits of the *unrounded* latents under the real coder's cost, hyper path
                     included, its own rounding straight-through
"""

from __future__ import annotations

import copy
from collections.abc import Callable
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
    RoundedBottleneck,
    RoundedGaussian,
)
from backends.learned.nets import view

_KNOWN = {
    FactorizedPrior,
    FactorizedPriorReLU,
    ScaleHyperprior,
    MeanScaleHyperprior,
    JointAutoregressiveHierarchicalPriors,
    Cheng2020Anchor,
    Cheng2020Attention,
}
"""Of these the paths are known; of any other model all but the entropy models is run as it is."""


class _PassedBottleneck(nn.Module):
    """In the place of a bottleneck whose output nobody looks at."""

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return inputs, inputs.new_empty(0)


class _Detached(nn.Module):
    """A path that is run, but through which no gradient would flow anyway."""

    def __init__(self, path: nn.Module) -> None:
        super().__init__()
        self._path = path

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return cast("Tensor", self._path(inputs))


def reconstructing(net: CompressionModel) -> nn.Module:
    """Return a view of a model that runs only what its reconstruction depends on.

    Scale hyperpriors round without looking at the hyper path; the autoregressive models' own
    forward does, too. With means, rounding depends on the hyper path but its gradient does not:
    the straight-through gradients of -mean and +mean cancel.
    """
    if type(net) not in _KNOWN:
        return _twin(net, lambda _: RoundedGaussian(), RoundedBottleneck)
    if isinstance(net, FactorizedPrior):
        return view(net, entropy_bottleneck=RoundedBottleneck(net.entropy_bottleneck))
    if _uses_means(net):
        return view(
            net,
            h_a=_Detached(net.h_a),
            entropy_bottleneck=RoundedBottleneck(net.entropy_bottleneck),
            gaussian_conditional=RoundedGaussian(),
        )
    unused = {"h_a", "h_s", "context_prediction", "entropy_parameters"} & set(net._modules)
    return view(
        net,
        entropy_bottleneck=_PassedBottleneck(),
        gaussian_conditional=RoundedGaussian(),
        **{name: nn.Identity() for name in unused},
    )


def costed(net: CompressionModel) -> nn.Module:
    """Return a view of a model whose "likelihoods" are the coder's bits."""
    if type(net) not in _KNOWN:
        return _twin(net, CostedGaussian, CostedBottleneck)
    entropy: dict[str, nn.Module] = {"entropy_bottleneck": CostedBottleneck(net.entropy_bottleneck)}
    if "gaussian_conditional" in net._modules:
        entropy["gaussian_conditional"] = CostedGaussian(net.gaussian_conditional)
    return view(net, **entropy)


def rating(net: CompressionModel) -> nn.Module:
    """Return a view of a model that counts the coder's bits and never runs the decoder."""
    return view(costed(net), g_s=nn.Identity())


def _uses_means(net: CompressionModel) -> bool:
    return isinstance(net, MeanScaleHyperprior) and not isinstance(
        net, JointAutoregressiveHierarchicalPriors
    )


def _twin(
    net: CompressionModel,
    gaussian: Callable[[GaussianConditional], nn.Module],
    bottleneck: Callable[[EntropyBottleneck], nn.Module],
) -> nn.Module:
    """Return a copy that shares every weight, all entropy models in it replaced.

    Latent codecs that would quantise for themselves take what their entropy model rounds.
    """
    shared = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    twin: nn.Module = copy.deepcopy(net, shared)
    for part in list(twin.modules()):
        for name, child in part.named_children():
            if isinstance(child, GaussianConditional):
                setattr(part, name, gaussian(child))
            elif isinstance(child, EntropyBottleneck):
                setattr(part, name, bottleneck(child))
        if isinstance(part, GaussianConditionalLatentCodec | HyperLatentCodec):
            part.quantizer = "noise"
    return twin
