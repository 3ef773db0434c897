"""Protection against forged bitstreams: streams with a right checksum that no encoder wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf

from compressai.models import CompressionModel

from bench.container import Container
from bench.errors import CodecError, Unsupported
from bench.models.architectures import is_architecture
from bench.models.coder_tables import least_bits as table_bits

_ZEROS = 16
"""Zero bytes appended to a string, per byte of the string and per pixel.

From ones a range decoder reads the length of a symbol, at most 15 times the string's length. From
zeros it reads at most 4 bytes per latent, of which there are one or two per pixel.
"""

LARGEST_PICTURE = 2**25
"""The most pixels of a picture that learned codecs code: 33.5 megapixels, an 8K frame."""

_LEAST_BITS = 2.0**-17
"""The fewest bits per pixel of any model: no symbol is more probable than 1 - 2**-16, so each takes
at least 2e-5 bits, and a model has about one symbol per two pixels."""

_PRECISION = 0.99
"""Share of the ideal code length that the range coder is certain to write; it loses far less."""

_BYTES_A_PIXEL = 100
"""Bytes of memory per pixel with which no model can decode: for zeros, strings and activations."""


def least_bits(net: CompressionModel, factor: int) -> float:
    """Return the fewest bits in which a model can code `factor` x `factor` pixels.

    CompressAI's models code at least one symbol there with each channel of their entropy
    bottleneck, at best the most frequent one. Of other models no more is known than the coder's
    precision.
    """
    known = table_bits(net) if is_architecture(net) else 0.0
    return max(_LEAST_BITS * factor**2, _PRECISION * known)


def check_codable_size(height: int, width: int) -> None:
    """Check the size of a picture before it is encoded.

    Raises:
        Unsupported: it has more than `LARGEST_PICTURE` pixels.
    """
    if height * width > LARGEST_PICTURE:
        raise Unsupported(
            f"a picture of {width}x{height} has more than the {LARGEST_PICTURE} pixels that learned"
            " codecs code; crop it"
        )


def check_plausible_size(container: Container, pixels: int, bits: float) -> None:
    """Check the picture size that a container declares, before any memory is allocated for it.

    Args:
        container: a container with a right checksum.
        pixels: number of coded pixels, including padding.
        bits: the fewest bits in which the model can code as many pixels.

    Raises:
        CodecError: no encoder writes this size, the strings are too short for it, or this machine
            has too little memory.
    """
    size, length = f"{container.width}x{container.height}", sum(map(len, container.sections))
    if container.height * container.width > LARGEST_PICTURE:
        raise CodecError(
            f"the bitstream is damaged: it declares a picture of {size}, more than the"
            f" {LARGEST_PICTURE} pixels that learned codecs code"
        )
    if bits > 8 * (length + 1):
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


def zero_padded(strings: Sequence[bytes], pixels: int) -> list[bytes]:
    """Return the strings with zeros appended.

    CompressAI's range decoder does not check where a string ends. It reads nothing beyond a valid
    string. Beyond a forged one it now reads zeros instead of foreign memory.
    """
    return [string + bytes(_ZEROS * (pixels + len(string))) for string in strings]
