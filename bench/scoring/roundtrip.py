"""One picture through one codec: encoded, decoded again, and scored against itself."""

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
    """A picture that was encoded and decoded. Its scores are computed once and then kept.

    Attributes:
        picture: the encoded picture, uint8 (H, W, 3).
        bitstream: the bytes of the encoder.
        image: the decoded picture, same shape.
        encode_seconds: duration of encoding.
        decode_seconds: duration of decoding.
    """

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
        """Scores of the decoded picture against the encoded one; shared by many evaluations."""
        return metrics.compare(self.picture, self.image)

    def reading(self, named: NamedMetric) -> Reading:
        """Return the value of a metric, which is called once; shared by many evaluations."""
        if named.label not in self._readings:
            self._readings[named.label] = read(named.metric, self.picture, self.image)
        return self._readings[named.label]

    @cached_property
    def vmaf(self) -> float | None:
        """VMAF of the decoded picture; None if it cannot be computed. Slow, therefore kept."""
        return none_if_unsupported(lambda: vmaf(self.picture, self.image))

    @property
    def bpp(self) -> float:
        """Rate in bits per pixel; every byte of the bitstream counts."""
        height, width, _ = self.picture.shape
        return metrics.bpp(len(self.bitstream), height, width)


@dataclass(frozen=True)
class CodingFailure:
    """The reason why a picture could not be encoded and decoded.

    Attributes:
        status: "unsupported" or "failed".
        reason: one sentence.
    """

    status: Status
    reason: str


def encode_decode(codec: Codec, image: Image) -> RoundTrip | CodingFailure:
    """Encode a picture, uint8 (H, W, 3), and decode the bytes; a codec's failure is a result.

    Raises:
        MachineError: the machine ran out of memory, disk or another resource.
    """
    try:
        bitstream, encode_seconds = _timed(lambda: codec.encode(image))
        decoded, decode_seconds = _timed(lambda: np.asarray(codec.decode(bitstream)))
    except Unsupported as error:
        return CodingFailure("unsupported", one_line(error))
    except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
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
    """Return the result of `score`, or None if it raises `Unsupported`."""
    try:
        return score()
    except Unsupported:
        return None


def _timed(call: Callable[[], Value]) -> tuple[Value, float]:
    started = time.perf_counter()
    value = call()
    return value, time.perf_counter() - started
