"""What no encoder wrote, though the checksum is right, made bearable for CompressAI."""

from __future__ import annotations

from collections.abc import Sequence

_ZEROS = 16
"""Bytes behind a string, for each of its own and for each pixel.

Of ones a range decoder reads the length of a symbol, 15 times that of the string; of zeros at most
4 bytes for a latent, of which there are one or two a pixel.
"""


def ended(strings: Sequence[bytes], pixels: int) -> list[list[bytes]]:
    """Return strings as `decompress` wants them, one for each pass of an entropy coder.

    CompressAI's range decoder does not look where a string ends. Behind a whole one it reads
    nothing; behind a forged one it finds zeros instead of memory that is not its own.
    """
    return [[string + bytes(_ZEROS * (pixels + len(string)))] for string in strings]
