"""A codec as scoring uses it: each call checked, timed, and without effects on the process.

picture --encode--> Timed(bytes) --decode--> Timed(picture)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from bench.codec import Codec, Estimating, Image
from bench.errors import CodecError
from bench.utils.foreign_call import foreign_call, lent
from bench.utils.memory import Peak, track_peak

Value = TypeVar("Value")


@dataclass(frozen=True)
class Timed(Generic[Value]):
    """The result of a call.

    Attributes:
        value: what the codec returned.
        seconds: wall-clock time of the call.
        peak: peak memory in bytes; None if it was not measured.
    """

    value: Value
    seconds: float
    peak: int | None = None


class Coder(Protocol):
    """One operating point of a codec; a codec that draws random numbers is drawn already."""

    def encode(self, image: Image, *, track: bool = False) -> Timed[bytes]:
        """Encode a picture, uint8 (H, W, 3).

        Args:
            image: the picture; the codec receives a copy.
            track: whether to measure memory, which makes the call slower.

        Raises:
            Unsupported: the codec does not support this picture.
            CodecError: it failed, or returned anything but bytes.
        """
        ...

    def decode(
        self, bitstream: bytes, size: tuple[int, int], *, track: bool = False
    ) -> Timed[Image]:
        """Decode a bitstream.

        Args:
            bitstream: the bytes that `encode` returned.
            size: height and width that the picture must have.
            track: whether to measure memory, which makes the call slower.

        Raises:
            CodecError: it failed, or returned anything but a picture of this size.
        """
        ...

    def decode_damaged(self, bitstream: bytes, size: tuple[int, int], limit_s: float) -> Image:
        """Decode a damaged bitstream in a process of its own, where there is one.

        Nothing that the decoder leaves behind there can reach a score.

        Args:
            bitstream: any bytes.
            size: height and width that the picture must have.
            limit_s: time limit in seconds.

        Raises:
            CodecError: it failed, crashed, took longer, or returned anything but a picture of this
                size.
        """
        ...

    def header_bytes(self, bitstream: bytes) -> int:
        """Return how many bytes of a bitstream belong to the container of the harness.

        Raises:
            CodecError: it failed.
        """
        ...

    def estimated_bits(self, image: Image) -> float | None:
        """Return the bits that the entropy model predicts; None if there is no finite prediction.

        Raises:
            CodecError: it failed.
        """
        ...


class LocalCoder:
    """A `Coder` in this process.

    Args:
        codec: the codec.
        isolated: the same codec in other processes, which decode damaged bitstreams; None to decode
            them in this process, without a time limit.
    """

    def __init__(self, codec: Codec, isolated: Coder | None = None) -> None:
        self._codec, self._isolated = codec, isolated

    def encode(self, image: Image, *, track: bool = False) -> Timed[bytes]:
        """Encode a picture, see `Coder.encode`."""
        return _timed("encoding", lambda: encode(self._codec, image), track)

    def decode(
        self, bitstream: bytes, size: tuple[int, int], *, track: bool = False
    ) -> Timed[Image]:
        """Decode a bitstream, see `Coder.decode`."""
        return _timed("decoding", lambda: decode(self._codec, bitstream, size), track)

    def decode_damaged(self, bitstream: bytes, size: tuple[int, int], limit_s: float) -> Image:
        """Decode a damaged bitstream, see `Coder.decode_damaged`."""
        if self._isolated is None:
            return self.decode(bitstream, size).value
        return self._isolated.decode_damaged(bitstream, size, limit_s)

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the bytes of the container, see `Coder.header_bytes`."""
        with foreign_call("header_bytes()"):
            return int(self._codec.header_bytes(bitstream))

    def estimated_bits(self, image: Image) -> float | None:
        """Return the predicted bits, see `Coder.estimated_bits`."""
        if not isinstance(self._codec, Estimating):
            return None
        with foreign_call("estimated_bits()"):
            bits = float(self._codec.estimated_bits(lent(image)))
        return bits if math.isfinite(bits) else None


def encode(codec: Codec, image: Image) -> bytes:
    """Encode a picture, see `Coder.encode`; call it inside `foreign_call`."""
    bitstream: object = codec.encode(lent(image))
    if type(bitstream) is not bytes:
        raise CodecError(f"encode() returned {type(bitstream).__name__}, not bytes")
    return bitstream


def decode(codec: Codec, bitstream: bytes, size: tuple[int, int]) -> Image:
    """Decode a bitstream, see `Coder.decode`; call it inside `foreign_call`."""
    image, shape = np.array(codec.decode(bitstream)), (*size, 3)
    if image.shape != shape or image.dtype != np.uint8:
        raise CodecError(f"decoded to {image.dtype} {image.shape}, not {shape}")
    return image


def _timed(what: str, call: Callable[[], Value], track: bool) -> Timed[Value]:
    with foreign_call(what), track_peak() if track else nullcontext(Peak()) as peak:
        started = time.perf_counter()
        value = call()
        seconds = time.perf_counter() - started
    return Timed(value, seconds, peak.bytes)
