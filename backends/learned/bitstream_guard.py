"""What no encoder wrote, though the checksum is right, made bearable for CompressAI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf

from bench.container import Container
from bench.errors import CodecError

_ZEROS = 16
"""Bytes behind a string, for each of its own and for each pixel.

Of ones a range decoder reads the length of a symbol, 15 times that of the string; of zeros at most
4 bytes for a latent, of which there are one or two a pixel.
"""

_PIXELS_A_BYTE = 2**20
"""What strings hold at most: no symbol is more probable than 1 - 2**-16, so it takes 2e-5 bits, and
a net has one for every two pixels or so."""

_ROOM = 100
"""Bytes of memory a pixel, with which no net decodes yet: for the zeros, the string, the layers."""


def check_plausible_size(container: Container, pixels: int) -> None:
    """See, before anything is made of the size that a container names, that it can be true.

    Args:
        container: under a right checksum.
        pixels: of the picture that is coded, its padding included.

    Raises:
        CodecError: its strings are too short for so many, or this machine has too little memory.
    """
    size, held = f"{container.width}x{container.height}", sum(map(len, container.sections))
    if pixels > _PIXELS_A_BYTE * (held + 1):
        raise CodecError(
            f"the bitstream is damaged: it names a picture of {size}, but holds only {held} bytes"
        )
    if _ROOM * pixels > machine_bytes():
        raise CodecError(f"a picture of {size} needs more memory than this machine has")


def machine_bytes() -> float:
    """Return this machine's memory; infinite where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return inf


def ended(strings: Sequence[bytes], pixels: int) -> list[list[bytes]]:
    """Return strings as `decompress` wants them, one for each pass of an entropy coder.

    CompressAI's range decoder does not look where a string ends. Behind a whole one it reads
    nothing; behind a forged one it finds zeros instead of memory that is not its own.
    """
    return [[string + bytes(_ZEROS * (pixels + len(string)))] for string in strings]
