"""What only a model's own coding shows: its strings, and the picture sizes that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from compressai.models import CompressionModel

from backends.learned.nets import downsampling_factor
from bench.errors import PLUGIN_ERRORS, ConfigError, one_line, raise_if_machine
from bench.models.entropy_coder import compressed

_LARGEST_FACTOR = 512


def flat(strings: Sequence[Any]) -> list[bytes]:
    """Return the strings of one picture, in the order of the nested lists that hold them."""
    found = []
    for part in strings:
        found += [part] if isinstance(part, bytes) else flat(part)
    return found


def nested_like(shape: Sequence[Any], strings: Iterator[bytes]) -> list[Any]:
    """Return strings in nested lists of the same shape as others."""
    return [
        next(strings) if isinstance(part, bytes) else nested_like(part, strings) for part in shape
    ]


def coding_factor(net: CompressionModel) -> int:
    """Return the number of which picture sides must be multiples, in pixels, found by coding.

    Models with windows need larger multiples than their downsampling factor, and few say so.

    Raises:
        ConfigError: the model codes no picture.
    """
    factor = downsampling_factor(net)
    refusal = first = _refusal(net, factor)
    while refusal and factor < _LARGEST_FACTOR:
        factor *= 2
        refusal = _refusal(net, factor)
    if refusal:
        raise ConfigError(
            f"{type(net).__name__} codes no picture: {first}; its compress and decompress must run"
            " on the CPU in evaluation mode"
        )
    return factor


def _refusal(net: CompressionModel, side: int) -> str:
    """Return why a net does not code a picture of this side, or nothing if it does."""
    try:
        _check_coding(net, side)
    except PLUGIN_ERRORS as error:  # a model can raise any error
        raise_if_machine(error)
        return one_line(error)
    return ""


def _check_coding(net: CompressionModel, side: int) -> None:
    """Raise an error if the net does not code a black picture of this side."""
    images = torch.zeros(1, 3, side, side)
    coded = compressed(net, images)
    with torch.no_grad():
        decoded = net.decompress(coded["strings"], coded["shape"])["x_hat"]
        net(images)
    if decoded.shape != images.shape:
        raise ConfigError(f"it decodes {side}x{side} pixels to {tuple(decoded.shape)}")
