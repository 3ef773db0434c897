"""The surrogate of CompressAI models: differentiable quantisation and entropy coding.

reconstruction   rounds the latents, with the identity as the gradient of rounding
                 (straight-through), or decodes the unrounded latents, as a search chooses
rate             the real coder's bits of the rounded latents, with the gradient of a smooth cost of
                 the unrounded latents; includes the hyperprior path, whose rounding is always
                 straight-through
"""

from __future__ import annotations

from typing import Any, cast

import torch
from compressai.models import (
    Cheng2020Anchor,
    Cheng2020AnchorCheckerboard,
    Cheng2020Attention,
    CompressionModel,
    Elic2022Chandelier,
    Elic2022Official,
    FactorizedPrior,
    FactorizedPriorReLU,
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from torch import Tensor, nn

from backends.learned.nets import view
from backends.learned.surrogates.entropy_models import (
    CostedBottleneck,
    CostedGaussian,
    RoundedBottleneck,
    RoundedGaussian,
)
from backends.learned.surrogates.own_forward import OwnForward, OwnForwardUnrounded

_KNOWN = {
    FactorizedPrior,
    FactorizedPriorReLU,
    ScaleHyperprior,
    MeanScaleHyperprior,
    JointAutoregressiveHierarchicalPriors,
    Cheng2020Anchor,
    Cheng2020Attention,
}
"""Models with known data paths; other models run their own forward (`OwnForward`)."""

_LATENTS_ALONE = {Cheng2020AnchorCheckerboard, Elic2022Official, Elic2022Chandelier}
"""Other models whose decoder gets the rounded latents and nothing else."""


class _SkippedBottleneck(nn.Module):
    """Replaces a bottleneck whose output is not used."""

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return inputs, inputs.new_empty(0)


class _Detached(nn.Module):
    """A path that is run without gradients, because its gradients would cancel."""

    def __init__(self, path: nn.Module) -> None:
        super().__init__()
        self._path = path

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return cast("Tensor", self._path(inputs))


class _Unrounded(nn.Module):
    """Decodes the unrounded latents, and counts the bits of the rounded latents.

    Args:
        net: the model.
    """

    def __init__(self, net: CompressionModel) -> None:
        super().__init__()
        self._encode, self._decode, self._rate = net.g_a, net.g_s, _without_encoder(net)

    def forward(self, images: Tensor) -> dict[str, Any]:
        latents = self._encode(images)
        return {**self._rate(latents), "x_hat": self._decode(latents)}


def _without_encoder(net: CompressionModel) -> nn.Module:
    """Return a view that computes the bits of given latents."""
    return rate_view(cast("CompressionModel", view(net, g_a=nn.Identity())))


class _UnroundedReconstruction(nn.Module):
    """Decodes the unrounded latents."""

    def __init__(self, net: CompressionModel) -> None:
        super().__init__()
        self._encode, self._decode = net.g_a, net.g_s

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"x_hat": self._decode(self._encode(images))}


def reconstruction_view(net: CompressionModel) -> nn.Module:
    """Return a view of a model that runs only the parts that its reconstruction depends on.

    Scale hyperpriors round independently of the hyperprior path, and so does the autoregressive
    models' own forward. In mean-scale hyperpriors, rounding depends on the hyperprior path but its
    gradient does not: the straight-through gradients of -mean and +mean cancel.
    """
    if type(net) not in _KNOWN:
        return OwnForward(net, counts_bits=False)
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
        entropy_bottleneck=_SkippedBottleneck(),
        gaussian_conditional=RoundedGaussian(),
        **{name: nn.Identity() for name in unused},
    )


def rd_view(net: CompressionModel) -> nn.Module:
    """Return a view of a model whose "likelihoods" are the coder's bits, with "x_hat"."""
    if type(net) not in _KNOWN:
        return OwnForward(net, counts_bits=True)
    entropy: dict[str, nn.Module] = {"entropy_bottleneck": CostedBottleneck(net.entropy_bottleneck)}
    if "gaussian_conditional" in net._modules:
        entropy["gaussian_conditional"] = CostedGaussian(net.gaussian_conditional)
    return view(net, **entropy)


def rate_view(net: CompressionModel) -> nn.Module:
    """Return a view of a model that computes the coder's bits and never runs the decoder g_s."""
    if type(net) not in _KNOWN:
        return OwnForward(net, counts_bits=True, decodes=False)
    return view(rd_view(net), g_s=nn.Identity())


def unrounded_views(net: CompressionModel) -> tuple[nn.Module, nn.Module]:
    """Return views of a model that decode the unrounded latents: "x_hat" alone, and with the bits.

    The bits, in "likelihoods", are those of the rounded latents.
    """
    if type(net) not in _KNOWN | _LATENTS_ALONE:
        return OwnForward(net, counts_bits=False, rounding="none"), OwnForwardUnrounded(net)
    return _UnroundedReconstruction(net), _Unrounded(net)


def _uses_means(net: CompressionModel) -> bool:
    return isinstance(net, MeanScaleHyperprior) and not isinstance(
        net, JointAutoregressiveHierarchicalPriors
    )
