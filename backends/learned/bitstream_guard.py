"""Protection against forged bitstreams: streams with a right checksum that no encoder wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf

from bench.container import Container
from bench.errors import CodecError

_ZEROS = 16
"""Zero bytes appended to a string, per byte of the string and per pixel.

From ones a range decoder reads the length of a symbol, at most 15 times the string's length. From
zeros it reads at most 4 bytes per latent, of which there are one or two per pixel.
"""

_PIXELS_A_BYTE = 2**20
"""The most pixels that a byte can hold: no symbol is more probable than 1 - 2**-16, so each takes
at least 2e-5 bits, and a model has about one symbol per two pixels."""

_BYTES_A_PIXEL = 100
"""Bytes of memory per pixel with which no model can decode: for zeros, strings and activations."""


def check_plausible_size(container: Container, pixels: int) -> None:
    """Check the picture size that a container declares, before any memory is allocated for it.

    Args:
        container: a container with a right checksum.
        pixels: number of coded pixels, including padding.

    Raises:
        CodecError: the strings are too short for this size, or this machine has too little memory.
    """
    size, length = f"{container.width}x{container.height}", sum(map(len, container.sections))
    if pixels > _PIXELS_A_BYTE * (length + 1):
        raise CodecError(
            f"the bitstream is damaged: it declares a picture of {size} but holds only"
            f" {length} bytes"
        )
    if _BYTES_A_PIXEL * pixels > memory_bytes():
        raise CodecError(f"a picture of {size} needs more memory than this machine has")


def memory_bytes() -> float:
    """Return this machine's memory in bytes; infinity where the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return inf


def zero_padded(strings: Sequence[bytes], pixels: int) -> list[list[bytes]]:
    """Return the strings in the form that `decompress` expects, with zeros appended.

    CompressAI's range decoder does not check where a string ends. It reads nothing beyond a valid
    string. Beyond a forged one it now reads zeros instead of foreign memory.
    """
    return [[string + bytes(_ZEROS * (pixels + len(string)))] for string in strings]
