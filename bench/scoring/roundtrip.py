"""One picture through one codec: encode, decode again, and what is scored of that alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np

from bench.codec import Codec, Image
from bench.errors import PLUGIN_ERRORS, Unsupported, one_line, raise_if_machine
from bench.metric import Reading, read
from bench.metrics import scores as metrics
from bench.metrics.scores import Similarity
from bench.metrics.vmaf import vmaf
from bench.planning.operating_point import NamedMetric
from bench.store.records import Status

Value = TypeVar("Value")


@dataclass(frozen=True)
class RoundTrip:
    """One picture through one codec: the bitstream and what came out of it."""

    picture: Image
    bitstream: bytes
    image: Image
    encode_seconds: float
    decode_seconds: float
    _readings: dict[str, Reading] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def similarity(self) -> Similarity:
        """What is scored of what came out against the picture itself; many cells share it."""
        return metrics.compare(self.picture, self.image)

    def reading(self, yardstick: NamedMetric) -> Reading:
        """Return what a metric says of it; it is asked once, and many cells share the answer."""
        if yardstick.label not in self._readings:
            self._readings[yardstick.label] = read(yardstick.metric, self.picture, self.image)
        return self._readings[yardstick.label]

    @cached_property
    def vmaf(self) -> float | None:
        """Likewise the VMAF, None where there is none; many cells share it, and it takes long."""
        return none_if_unsupported(lambda: vmaf(self.picture, self.image))

    @property
    def bpp(self) -> float:
        """Bits per pixel, all bytes of the bitstream counted."""
        height, width, _ = self.picture.shape
        return metrics.bpp(len(self.bitstream), height, width)


@dataclass(frozen=True)
class CodingFailure:
    """Why a picture did not come through."""

    status: Status
    reason: str


def encode_decode(codec: Codec, image: Image) -> RoundTrip | CodingFailure:
    """Encode a picture and decode the bytes again; a codec's failure is a result."""
    try:
        bitstream, encode_seconds = _timed(lambda: codec.encode(image))
        decoded, decode_seconds = _timed(lambda: np.asarray(codec.decode(bitstream)))
    except Unsupported as error:
        return CodingFailure("unsupported", str(error))
    except PLUGIN_ERRORS as error:  # what breaks inside a codec is its failure
        raise_if_machine(error)
        return CodingFailure("failed", one_line(error))
    if not bitstream:
        return CodingFailure("failed", "the encoder returned no bytes")
    if decoded.shape != image.shape or decoded.dtype != image.dtype:
        return CodingFailure(
            "failed", f"decoded to {decoded.dtype} {decoded.shape}, not {image.shape}"
        )
    return RoundTrip(image, bitstream, decoded, encode_seconds, decode_seconds)


def none_if_unsupported(score: Callable[[], float]) -> float | None:
    """Return a score, or None where it does not exist for this picture."""
    try:
        return score()
    except Unsupported:
        return None


def _timed(call: Callable[[], Value]) -> tuple[Value, float]:
    started = time.perf_counter()
    value = call()
    return value, time.perf_counter() - started
