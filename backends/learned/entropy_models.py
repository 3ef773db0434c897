"""Stand-ins for entropy models: they round with a gradient, and count what the real coder pays.

A model's own likelihoods are no guide under attack: through rounding they have no gradient, they
saturate at 29.9 bits, and their density underflows. The real coder (16-bit CDFs, then escape
codes of 4 bits a digit) pays

    -log2 p            inside the support, at most 16 bits
    16 + 4 + 4 n(e)    e symbols outside it, n the number of base-16 digits of about 2e

and `coded_bits` is a smooth function that follows it, with a gradient everywhere.
"""

from __future__ import annotations

import math

import torch
from compressai.entropy_models import EntropyBottleneck, EntropyBottleneckVbr, GaussianConditional
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
        return self.quantize(inputs, "dequantize", means), inputs[:, :0]


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
        offsets = _precise(inputs if means is None else inputs - means).abs()
        scales = _straight_through_clamp(_precise(scales), self._lowest_scale)
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

    def _get_medians(self) -> Tensor:
        """Return what models ask an entropy bottleneck for that round by themselves, (C, 1, 1)."""
        medians: Tensor = self._medians[0]
        return medians

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
        by_channel = _precise(inputs).transpose(0, 1).flatten(1).unsqueeze(1)
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


def _normal_cdf(values: Tensor) -> Tensor:
    return 0.5 * torch.erfc(values * -math.sqrt(0.5))


def _straight_through_clamp(values: Tensor, lowest: float) -> Tensor:
    return values + (values.clamp_min(lowest) - values).detach()


def _precise(values: Tensor) -> Tensor:
    """Return what autocast made coarser in float32; bits are not counted in bfloat16."""
    return values.float() if values.dtype in {torch.bfloat16, torch.float16} else values
