"""What stands in for quantisation and the entropy coder of a CompressAI model in a gradient.

The declared surrogate of every CompressAI codec here:

    reconstruction   rounding is kept, its gradient is the identity (straight-through)
    rate             bits of the *unrounded* latents under the real coder's cost, hyper path
                     included, its own rounding straight-through

A model's own likelihoods are no guide under attack: through rounding they have no gradient, they
saturate at 29.9 bits, and their density underflows. The real coder (16-bit CDFs, then escape
codes of 4 bits a digit) pays

    -log2 p            inside the support, at most 16 bits
    16 + 4 + 4 n(e)    e symbols outside it, n the number of base-16 digits of about 2e

and `coded_bits` is a smooth function that follows it, with a gradient everywhere.
"""

from __future__ import annotations

import copy
import math
from typing import cast

import torch
from compressai.entropy_models import (
    EntropyBottleneck,
    EntropyBottleneckVbr,
    GaussianConditional,
)
from compressai.models import (
    CompressionModel,
    FactorizedPrior,
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
)
from torch import Tensor, nn

_PRECISION_FLOOR = 2.0**-16
_ESCAPE_SLOPE = 128.0


def coded_bits(probability: Tensor, excess: Tensor) -> Tensor:
    """Return the bits the coder pays for symbols, smooth in both arguments.

    Args:
        probability: the entropy model's mass of each symbol, in [0, 1].
        excess: how far each symbol lies outside the coder's support, in symbols, 0 inside.
    """
    floor = _PRECISION_FLOOR / (1 + _ESCAPE_SLOPE * excess)
    return -torch.log2(probability + floor)


def straight_through_round(values: Tensor) -> Tensor:
    """Round; the gradient is the identity."""
    return values + (values.round() - values).detach()


class RoundedGaussian(nn.Module):
    """A Gaussian conditional that rounds and counts no bits."""

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        """Round around the means; the training mode "noise" is never wanted here."""
        del mode
        if means is None:
            return straight_through_round(inputs)
        return inputs + ((inputs - means).round() + means - inputs).detach()

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and no bits."""
        del scales
        return self.quantize(inputs, "dequantize", means), inputs.new_empty(0)


class CostedGaussian(RoundedGaussian):
    """A Gaussian conditional that also counts the coder's bits of the unrounded latents."""

    def __init__(self, model: GaussianConditional) -> None:
        super().__init__()
        self._lowest_scale = float(model.lower_bound_scale.bound)
        self._support = -float(model._standardized_quantile(model.tail_mass / 2))

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their bits, both (B, C, h, w)."""
        rounded, _ = super().forward(inputs, scales, means)
        offsets = (inputs if means is None else inputs - means).float().abs()
        scales = _straight_through_clamp(scales.float(), self._lowest_scale)
        return rounded, self._bits(offsets, scales)

    def _bits(self, offsets: Tensor, scales: Tensor) -> Tensor:
        upper = _normal_cdf((0.5 - offsets) / scales)
        lower = _normal_cdf((-0.5 - offsets) / scales)
        last = (scales.detach() * self._support).ceil()
        return coded_bits(upper - lower, (offsets - last - 0.5).relu())


class RoundedBottleneck(nn.Module):
    """An entropy bottleneck that rounds around its medians and counts no bits.

    Args:
        model: the bottleneck.
        step: distance between two quantised latents; other than 1 in variable-rate models alone.
    """

    def __init__(
        self, model: EntropyBottleneck | EntropyBottleneckVbr, step: float | Tensor = 1.0
    ) -> None:
        super().__init__()
        self._step = step
        self._medians = model.quantiles[:, 0, 1].detach().view(1, -1, 1, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and no bits."""
        medians, step = self._medians, self._step
        rounded = ((inputs - medians) / step).round() * step + medians
        return inputs + (rounded - inputs).detach(), inputs.new_empty(0)


class CostedBottleneck(RoundedBottleneck):
    """An entropy bottleneck that also counts the coder's bits of the unrounded latents."""

    def __init__(
        self, model: EntropyBottleneck | EntropyBottleneckVbr, step: float | Tensor = 1.0
    ) -> None:
        super().__init__(model, step)
        self._model = model
        self._first, self._last = (end.view(1, -1, 1, 1).float() for end in _support(model))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their bits, both (B, C, h, w)."""
        rounded, _ = super().forward(inputs)
        symbols = (inputs - self._medians) / self._step
        above, below = symbols - self._last - 0.5, self._first - 0.5 - symbols
        return rounded, coded_bits(self.probability(inputs), above.relu() + below.relu())

    def probability(self, inputs: Tensor) -> Tensor:
        """Mass of half a step to both sides, taken in the tail where float32 still resolves it."""
        by_channel = inputs.float().transpose(0, 1).flatten(1).unsqueeze(1)
        half = 0.5 * self._step
        with torch.autocast(inputs.device.type, enabled=False):
            lower = self._model._logits_cumulative(by_channel - half, stop_gradient=False)
            upper = self._model._logits_cumulative(by_channel + half, stop_gradient=False)
        sign = 1 - 2 * (lower + upper > 0).to(lower)
        mass = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        batch, channels, height, width = inputs.shape
        return mass.view(channels, batch, height, width).transpose(0, 1)


def _support(model: EntropyBottleneck | EntropyBottleneckVbr) -> tuple[Tensor, Tensor]:
    """Return the first and the last symbol of each channel for which the coder has a code.

    They follow from its tables; in training there are none, and from the quantiles they are made
    of.
    """
    if model.offset.numel():
        return model.offset, model.offset + model.cdf_length - 3
    lowest, median, highest = model.quantiles.detach()[:, 0].unbind(1)
    return -(median - lowest).ceil().clamp_min(0), (highest - median).ceil().clamp_min(0)


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


def view(net: nn.Module, **replaced: nn.Module) -> nn.Module:
    """Return a shallow copy that shares every weight, with some parts replaced."""
    copied = copy.copy(net)
    copied._modules = {**net._modules, **replaced}
    return copied


def _normal_cdf(values: Tensor) -> Tensor:
    return 0.5 * torch.erfc(values * -math.sqrt(0.5))


def _straight_through_clamp(values: Tensor, lowest: float) -> Tensor:
    return values + (values.clamp_min(lowest) - values).detach()
