"""The number of bits that CompressAI's entropy coder spends on each symbol.

The coder has one table of cumulative frequencies, in units of 2^-16, for each channel (entropy
bottleneck) or each scale (Gaussian conditional). A symbol inside a table costs -log2 of its
frequency. A symbol outside costs the table's escape symbol, 4 bits for the number n of its base-16
digits, and 4 n bits for the digits. The end of each bitstream (4 bytes) is not counted.
"""

from __future__ import annotations

import torch
from compressai.entropy_models import EntropyModel
from torch import Tensor

_PRECISION = 16
_DIGIT = 4
"""Bits of one digit of an escape code, and of the number of digits."""

_MOST_DIGITS = 7
"""The coder writes at most 28 bits of a symbol."""


class TableBits:
    """The bits of symbols under the tables of an entropy model.

    Args:
        model: an entropy model with tables.
    """

    def __init__(self, model: EntropyModel) -> None:
        lengths, cdfs = model.cdf_length.long(), model.quantized_cdf.long()
        frequencies = cdfs.diff(dim=1).clamp_min(1)  # behind the end of a table: never looked up
        self._bits = _PRECISION - frequencies.float().log2()
        self._escape = lengths - 2
        self._offsets = model.offset.long()

    def __call__(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Return the bits of each symbol, float32.

        Args:
            symbols: integers, of any shape and number type.
            tables: the number of the table of each symbol, int64, of a shape that broadcasts.
        """
        places = symbols.long() - self._offsets[tables]
        escape = self._escape[tables].expand_as(places)
        is_inside = (places >= 0) & (places < escape)
        found = torch.where(is_inside, places, escape)
        bits: Tensor = self._bits[tables.expand_as(places), found]
        return bits + torch.where(is_inside, 0, _escape_bits(places, escape))


def _escape_bits(places: Tensor, escape: Tensor) -> Tensor:
    """Return the bits that follow the escape symbol."""
    values = torch.where(places < 0, -2 * places - 1, 2 * (places - escape)).clamp_min(0)
    thresholds = 1 << (_DIGIT * torch.arange(_MOST_DIGITS, device=values.device))
    digits = (values.unsqueeze(-1) >= thresholds).sum(-1)
    return _DIGIT * (1 + digits)
