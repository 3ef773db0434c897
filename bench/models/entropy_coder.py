"""CompressAI's entropy coder, with a check for symbols on which it would never return.

The coder writes a symbol outside its tables 4 bits at a time, in at most 28 bits. On a larger
symbol it never terminates, and latents that are not finite become the smallest integer. A call that
does not return cannot be stopped, so such symbols are rejected before. The symbols of every model
pass through `encode_with_indexes`, which is wrapped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, cast

import torch
from compressai import ans
from compressai.models import CompressionModel
from torch import Tensor

from bench.errors import CodecError

LARGEST = 2**27 - 2**16
"""Largest absolute value of a symbol. Tables begin at most 2**16 below zero, and a symbol beyond
them has 27 bits and a sign."""


def compressed(net: CompressionModel, images: Tensor, **options: object) -> Mapping[str, Any]:
    """Return the result of the net's `compress`: "strings" and "shape".

    Args:
        net: a net with CDF tables.
        images: float (B, 3, H, W) in [0, 1]; H and W are multiples of its downsampling factor.
        options: further arguments of the net's `compress`.

    Raises:
        CodecError: latents are not finite, or are too large for the coder.
    """
    with torch.no_grad():
        return cast("Mapping[str, Any]", net.compress(images, **options))


def _bounded(encode: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(encode)
    def bounded(self: object, symbols: Sequence[int], *tables: object) -> Any:  # noqa: ANN401
        if max(symbols, default=0) > LARGEST or min(symbols, default=0) < -LARGEST:
            raise CodecError(
                "the model's latents are not finite or too large: its entropy coder takes symbols"
                f" up to {LARGEST}"
            )
        return encode(self, symbols, *tables)

    return bounded


for _coder in (ans.RansEncoder, ans.BufferedRansEncoder):
    _coder.encode_with_indexes = _bounded(_coder.encode_with_indexes)
