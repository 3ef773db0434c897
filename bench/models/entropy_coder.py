"""CompressAI's entropy coder, kept from symbols that it would encode for ever.

It writes a symbol outside its tables 4 bits at a time, in at most 28; of a larger one it never
finds the end, and what is not finite becomes the smallest integer. A call that does not return
cannot be stopped, so such symbols are refused before: wherever a net finds them, in whatever model,
they pass `encode_with_indexes`.
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
"""Of a symbol, either way. Tables begin at most 2**16 below zero, what is beyond them has 27 bits
and a sign."""


def compressed(net: CompressionModel, images: Tensor, **told: object) -> Mapping[str, Any]:
    """Return what a net's own `compress` does, "strings" and "shape".

    Args:
        net: with CDF tables.
        images: (B, 3, H, W), H and W multiples of its factor.
        told: what its `compress` is told besides.

    Raises:
        CodecError: latents are not finite, or too large for the coder.
    """
    with torch.no_grad():
        return cast("Mapping[str, Any]", net.compress(images, **told))


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
