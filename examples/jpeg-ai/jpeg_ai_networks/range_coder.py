"""Tables of rounded Gaussians for CompressAI's range coder, and the bits that it spends with them.

    inside a table    -log2 of the symbol's frequency, in units of 2^-16
    outside           the escape symbol, 4 bits for the number of base-16 digits, 4 bits a digit

The bits of a surrogate have this value for the rounded symbols, and the gradient of a smooth cost.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from compressai import ans
from compressai.entropy_models.entropy_models import pmf_to_quantized_cdf
from torch import Tensor

from bench.defence import straight_through
from bench.errors import CodecError

LOWEST_SCALE = 0.11
"""The smallest standard deviation; a smaller one would save nothing at the coder's precision."""

_PRECISION = 16
_WIDTH = 6.11
"""Half the width of a table in standard deviations: 1e-9 of the mass is outside."""

_DIGIT_BITS = 4
_MOST_DIGITS = 7
_LARGEST_SYMBOL = 2**27 - 2**16
"""CompressAI's coder writes at most 28 bits of a symbol outside its table, and would never return
from a larger one."""

_ESCAPE_SLOPE = 128.0
_ZEROS = 16
"""Zeros behind a stream for each byte of it and each symbol. The range decoder does not check where
a stream ends; behind a forged one it then reads these and not foreign memory."""


class Part(NamedTuple):
    """A part of a stream.

    Attributes:
        symbols: whole numbers, of any shape.
        tables: the number of the table of each, int64, of the same shape.
    """

    symbols: Tensor
    tables: Tensor


class GaussianTables:
    """One table for each pair of a mean and a standard deviation.

    Args:
        means: (N,), float64.
        scales: (N,), float64, at least `LOWEST_SCALE`.
    """

    def __init__(self, means: Tensor, scales: Tensor) -> None:
        halves = (_WIDTH * scales).ceil()
        self._first = (means.round() - halves).long()
        self._escape = (2 * halves + 1).long()
        self._cdfs = [
            _quantised_cdf(mean, scale, int(first), int(length))
            for mean, scale, first, length in zip(
                means, scales, self._first, self._escape, strict=True
            )
        ]
        self._bits = torch.zeros(len(means), int(self._escape.max()) + 1)
        for row, cdf in zip(self._bits, self._cdfs, strict=True):
            row[: len(cdf) - 1] = _PRECISION - cdf.diff().float().log2()
        self._layout = (
            [cdf.tolist() for cdf in self._cdfs],
            (self._escape + 2).tolist(),
            self._first.tolist(),
        )
        self.digest = hashlib.sha256(repr(self._layout).encode()).hexdigest()[:8]

    def encode(self, parts: Sequence[Part]) -> bytes:
        """Return one stream with all symbols.

        Raises:
            CodecError: a symbol is not finite or too large for the coder.
        """
        symbols = torch.cat([symbols.flatten() for symbols, _ in parts])
        tables = torch.cat([tables.flatten() for _, tables in parts])
        if not bool((symbols.abs() <= _LARGEST_SYMBOL).all()):
            raise CodecError("a latent of this picture is not finite or too large for the coder")
        encoder = ans.RansEncoder()
        coded: bytes = encoder.encode_with_indexes(
            symbols.long().tolist(), tables.tolist(), *self._layout
        )
        return coded

    def decoder(self, stream: bytes, most: int) -> StreamDecoder:
        """Return a decoder of a stream.

        Args:
            stream: what `encode` returned, or a forged one.
            most: the most symbols that will be read.
        """
        padded = stream + bytes(_ZEROS * (most + len(stream)))
        return StreamDecoder(padded, self._layout)

    def bits(self, symbols: Tensor, tables: Tensor, means: Tensor, scales: Tensor) -> Tensor:
        """Return the bits of each rounded symbol, with the gradient of a smooth cost.

        Args:
            symbols: before rounding, (B, C, h, w).
            tables: the number of the table of each; broadcasts.
            means: mean of the Gaussian of each; broadcasts.
            scales: its standard deviation; that of the table is near it.
        """
        rounded = symbols.round()
        smooth = smooth_bits(symbols - means, scales, self._outside(symbols, tables))
        # not whole only where gradients are compared with differences, and rounding is the identity
        exact = torch.where(rounded == rounded.floor(), self._table_bits(rounded, tables), smooth)
        return straight_through(exact.to(smooth), smooth)

    def _table_bits(self, symbols: Tensor, tables: Tensor) -> Tensor:
        places, escape = symbols.long() - self._first[tables], self._escape[tables]
        is_inside = (places >= 0) & (places < escape)
        found = self._bits[tables.expand_as(places), torch.where(is_inside, places, escape)]
        return found + torch.where(is_inside, 0, _escape_bits(places, escape))

    def _outside(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Return the distance of each symbol from its table; 0 inside."""
        first = self._first[tables]
        last = first + self._escape[tables] - 1
        return (symbols - last - 0.5).relu() + (first - 0.5 - symbols).relu()


class StreamDecoder:
    """Reads the symbols of one stream in the order in which they were written."""

    def __init__(self, stream: bytes, layout: tuple[list[list[int]], list[int], list[int]]) -> None:
        self._decoder, self._layout = ans.RansDecoder(), layout
        self._decoder.set_stream(stream)

    def read(self, tables: Tensor) -> Tensor:
        """Return the next symbols, float64, of the shape of the numbers of their tables."""
        symbols = self._decoder.decode_stream(tables.flatten().tolist(), *self._layout)
        return torch.tensor(symbols, dtype=torch.float64).view(tables.shape)


def smooth_bits(offsets: Tensor, scales: Tensor, outside: Tensor | float = 0.0) -> Tensor:
    """Return about as many bits as the coder spends, for symbols that are not whole, too.

    Args:
        offsets: distance of each symbol from the mean of its Gaussian.
        scales: its standard deviation.
        outside: distance from its table.
    """
    floor = 2.0**-_PRECISION / (1 + _ESCAPE_SLOPE * outside)
    return -torch.log2(_probability(offsets, scales) + floor)


def _quantised_cdf(mean: Tensor, scale: Tensor, first: int, length: int) -> Tensor:
    """Return the cumulative frequencies of a table, whose last symbol is the escape symbol."""
    symbols = torch.arange(first, first + length, dtype=torch.float64)
    masses = _probability(symbols - mean, scale)
    outside = (1 - masses.sum()).clamp_min(0).view(1)
    cdf: Tensor = pmf_to_quantized_cdf(torch.cat((masses, outside)), _PRECISION)
    return cdf


def _probability(offsets: Tensor, scales: Tensor) -> Tensor:
    """Return the mass of a Gaussian within half a symbol, from the tail where floats resolve it."""
    distances = offsets.abs()
    return _normal_cdf((0.5 - distances) / scales) - _normal_cdf((-0.5 - distances) / scales)


def _normal_cdf(values: Tensor) -> Tensor:
    return 0.5 * torch.erfc(values * -math.sqrt(0.5))


def _escape_bits(places: Tensor, escape: Tensor) -> Tensor:
    """Return the bits that follow the escape symbol."""
    values = torch.where(places < 0, -2 * places - 1, 2 * (places - escape)).clamp_min(0)
    thresholds = 1 << (_DIGIT_BITS * torch.arange(_MOST_DIGITS))
    digits = (values.unsqueeze(-1) >= thresholds).sum(-1)
    return _DIGIT_BITS * (1 + digits)
