"""Surrogate entropy models: differentiable rounding, and the real coder's cost in bits.

A model's own likelihoods mislead an attack: they have no gradient through rounding, saturate at
29.9 bits, and their density underflows. The real coder (16-bit CDFs, then escape codes of 4 bits
per digit) spends

    -log2 p            inside the support, at most 16 bits
    16 + 4 + 4 n(e)    e symbols outside it, where n is the number of base-16 digits of about 2e

`coded_bits` is a smooth approximation for unrounded latents, with a gradient everywhere. The
surrogate has this gradient. Its value is exact: the bits that the coder's own tables give the
rounded latents (`table_bits`). In training there are no tables, and the value is that of
`coded_bits`.
"""

from __future__ import annotations

import torch
from compressai.entropy_models import EntropyBottleneck, EntropyBottleneckVbr, GaussianConditional
from torch import Tensor, nn

from backends.learned.surrogates.table_bits import TableBits
from bench.defence import straight_through

_PRECISION_FLOOR = 2.0**-16
_ESCAPE_SLOPE = 128.0


def coded_bits(probability: Tensor, excess: Tensor) -> Tensor:
    """Return the coder's bits per symbol, smooth in both arguments.

    Args:
        probability: the entropy model's probability of each symbol, in [0, 1].
        excess: distance of each symbol from the coder's support, in symbols; 0 inside.
    """
    floor = _PRECISION_FLOOR / (1 + _ESCAPE_SLOPE * excess)
    return -torch.log2(probability + floor)


def straight_through_round(values: Tensor) -> Tensor:
    """Round to integers, with the identity as gradient."""
    return values + (values.round() - values).detach()


class RoundedGaussian(nn.Module):
    """A Gaussian conditional that rounds and computes no bits."""

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        """Round around the means, in any mode: the training mode "noise" is not used here."""
        del mode
        if means is None:
            return straight_through_round(inputs)
        return inputs + ((inputs - means).round() + means - inputs).detach()

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the rounded latents, (B, C, h, w), and an empty tensor for the bits."""
        del scales
        return self.quantize(inputs, "dequantize", means), inputs[:, :0]


class CostedGaussian(RoundedGaussian):
    """A Gaussian conditional that also computes the coder's bits."""

    def __init__(self, model: GaussianConditional) -> None:
        super().__init__()
        self._scales = model.scale_table[:-1].contiguous()
        self._table_bits = TableBits(model) if model.quantized_cdf.numel() else None
        self._lowest_scale = float(model.lower_bound_scale.bound)
        self._support = -float(model._standardized_quantile(model.tail_mass / 2))
        self._cumulative = model._standardized_cumulative

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their bits, both (B, C, h, w)."""
        return super().forward(inputs, scales, means)[0], self.bits(inputs, scales, means)

    def bits(self, inputs: Tensor, scales: Tensor, means: Tensor | None = None) -> Tensor:
        """Return the bits of the rounded latents, with the gradient of the unrounded ones'."""
        residuals = inputs if means is None else inputs - means
        bits = self.smooth_bits(residuals, scales)
        if self._table_bits is None:
            return bits
        scales = _as_float32(scales.detach()).clamp_min(self._lowest_scale)
        tables = torch.searchsorted(self._scales, scales.contiguous())
        return _with_exact_value(self._table_bits, residuals.round(), tables, bits)

    def smooth_bits(self, residuals: Tensor, scales: Tensor) -> Tensor:
        """Return the bits of unrounded residuals, smooth in both arguments, (B, C, h, w)."""
        offsets = _as_float32(residuals).abs()
        scales = _straight_through_clamp(_as_float32(scales), self._lowest_scale)
        upper = self._cumulative((0.5 - offsets) / scales)
        lower = self._cumulative((-0.5 - offsets) / scales)
        last = (scales.detach() * self._support).ceil()
        return coded_bits(upper - lower, (offsets - last - 0.5).relu())


class RoundedBottleneck(nn.Module):
    """An entropy bottleneck that rounds around its medians and computes no bits.

    Args:
        model: the bottleneck.
        step: the quantisation step; it differs from 1 in variable-rate models only.
    """

    def __init__(
        self, model: EntropyBottleneck | EntropyBottleneckVbr, step: float | Tensor = 1.0
    ) -> None:
        super().__init__()
        self._step = step
        self._medians = model.quantiles[:, 0, 1].detach().view(1, -1, 1, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rounded latents, (B, C, h, w), and an empty tensor for the bits."""
        medians, step = self._medians, self._step
        rounded = ((inputs - medians) / step).round() * step + medians
        return inputs + (rounded - inputs).detach(), inputs.new_empty(0)


class CostedBottleneck(RoundedBottleneck):
    """An entropy bottleneck that also computes the coder's bits."""

    def __init__(
        self, model: EntropyBottleneck | EntropyBottleneckVbr, step: float | Tensor = 1.0
    ) -> None:
        super().__init__(model, step)
        self._model = model
        self._table_bits = TableBits(model) if model.offset.numel() else None
        self._first, self._last = (end.view(1, -1, 1, 1).float() for end in _support(model))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their bits, both (B, C, h, w)."""
        return super().forward(inputs)[0], self.bits(inputs)

    def bits(self, inputs: Tensor) -> Tensor:
        """Return the bits of the rounded latents, with the gradient of the unrounded ones'."""
        bits = self.smooth_bits(inputs)
        if self._table_bits is None:
            return bits
        tables = torch.arange(inputs.shape[1], device=inputs.device).view(1, -1, 1, 1)
        return _with_exact_value(self._table_bits, self._symbols(inputs).round(), tables, bits)

    def smooth_bits(self, inputs: Tensor) -> Tensor:
        """Return the bits of unrounded latents, smooth, (B, C, h, w)."""
        symbols = self._symbols(inputs)
        above, below = symbols - self._last - 0.5, self._first - 0.5 - symbols
        return coded_bits(self.probability(inputs), above.relu() + below.relu())

    def _symbols(self, inputs: Tensor) -> Tensor:
        symbols: Tensor = (inputs - self._medians) / self._step
        return symbols

    def probability(self, inputs: Tensor) -> Tensor:
        """Return the probability of half a step to both sides, (B, C, h, w).

        It is computed in the tail in which float32 still resolves it.
        """
        by_channel = _as_float32(inputs).transpose(0, 1).flatten(1).unsqueeze(1)
        half = 0.5 * self._step
        with torch.autocast(inputs.device.type, enabled=False):
            lower = self._model._logits_cumulative(by_channel - half, stop_gradient=False)
            upper = self._model._logits_cumulative(by_channel + half, stop_gradient=False)
        sign = 1 - 2 * (lower + upper > 0).to(lower)
        mass = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        batch, channels, height, width = inputs.shape
        return mass.view(channels, batch, height, width).transpose(0, 1)


def _support(model: EntropyBottleneck | EntropyBottleneckVbr) -> tuple[Tensor, Tensor]:
    """Return the first and the last symbol of each channel inside the coder's support, (C,).

    They follow from the coder's tables; in training there are no tables, and they follow from the
    quantiles.
    """
    if model.offset.numel():
        return model.offset, model.offset + model.cdf_length - 3
    lowest, median, highest = model.quantiles.detach()[:, 0].unbind(1)
    return -(median - lowest).ceil().clamp_min(0), (highest - median).ceil().clamp_min(0)


def _with_exact_value(
    table_bits: TableBits, symbols: Tensor, tables: Tensor, smooth: Tensor
) -> Tensor:
    """Return the bits of symbols under the coder's tables, with the gradient of the smooth bits.

    Symbols are whole numbers, except where gradients are compared with differences and rounding is
    the identity; there the value is smooth, too.
    """
    exact = table_bits(symbols, tables)
    return straight_through(torch.where(symbols == symbols.floor(), exact, smooth), smooth)


def _straight_through_clamp(values: Tensor, lowest: float) -> Tensor:
    return values + (values.clamp_min(lowest) - values).detach()


def _as_float32(values: Tensor) -> Tensor:
    """Return half-precision values as float32: bits are never computed in bfloat16."""
    return values.float() if values.dtype in {torch.bfloat16, torch.float16} else values
