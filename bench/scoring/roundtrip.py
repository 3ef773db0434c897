"""One picture through one codec: encoded, decoded again, and scored against itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from bench.codec import Image
from bench.errors import (
    PLUGIN_ERRORS,
    ConfigError,
    MachineError,
    Unsupported,
    one_line,
    raise_if_machine,
)
from bench.isolation.coder import Coder
from bench.metric import Decode, Recode, Recoded
from bench.metrics import scores as metrics
from bench.metrics.failure import failed_coding
from bench.metrics.scores import Similarity
from bench.metrics.vmaf import vmaf
from bench.planning.operating_point import NamedMetric
from bench.scoring.metric_call import MetricResult, VictimCalls, call_metric
from bench.store.records import Status
from bench.utils.foreign_call import limit_suspended

_PATIENCE_S, _PATIENCE = 20.0, 10
"""The time limit of decoding a damaged bitstream: a constant in seconds, and a multiple of the time
that a whole one took."""


@dataclass(frozen=True)
class RoundTrip:
    """A picture that was encoded and decoded. Its scores are computed once and then kept.

    Attributes:
        picture: the encoded picture, uint8 (H, W, 3).
        bitstream: the bytes of the encoder.
        image: the decoded picture, same shape.
        header_bytes: how many of the bytes belong to the container of the harness.
        encode_seconds: duration of encoding.
        decode_seconds: duration of decoding.
    """

    picture: Image
    bitstream: bytes
    image: Image
    header_bytes: int
    encode_seconds: float
    decode_seconds: float
    _results: dict[str, MetricResult] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def similarity(self) -> Similarity:
        """Scores of the decoded picture against the encoded one; shared by many evaluations."""
        return metrics.compare(self.picture, self.image)

    def metric_result(self, named: NamedMetric, victim: VictimCalls) -> MetricResult:
        """Return the value of a metric, which is called once; shared by many evaluations."""
        if named.label not in self._results:
            pair = self.picture, self.image
            self._results[named.label] = call_metric(named, *pair, victim, self.bitstream)
        return self._results[named.label]

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


def encode_decode(coder: Coder, image: Image) -> RoundTrip | CodingFailure:
    """Encode a picture, uint8 (H, W, 3), and decode the bytes; a codec's failure is a result.

    Raises:
        ConfigError: the codec cannot be made.
        MachineError: the machine ran out of memory, disk or another resource.
    """
    height, width, _ = image.shape
    try:
        encoded = coder.encode(image)
        if not encoded.value:
            return CodingFailure("failed", "the encoder returned no bytes")
        decoded = coder.decode(encoded.value, (height, width))
        header = coder.header_bytes(encoded.value)
    except Unsupported as error:
        return CodingFailure("unsupported", one_line(error))
    except ConfigError:
        raise
    except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
        raise_if_machine(error)
        return CodingFailure("failed", one_line(error))
    seconds = encoded.seconds, decoded.seconds
    return RoundTrip(image, encoded.value, decoded.value, header, *seconds)


def recoder(coder: Coder) -> Recode:
    """Return a function that codes a picture; a failure gives a grey picture of 24 bits a pixel.

    Each picture of a size is coded once, so that metrics share the generations of an evaluation.
    The function raises `MachineError` if the machine runs out of a resource.
    """
    known: dict[bytes, Recoded] = {}

    def attempt(image: Image) -> Recoded:
        with limit_suspended():
            coded = encode_decode(coder, image)
        if isinstance(coded, CodingFailure):
            return failed_coding(image)
        return Recoded(coded.image, coded.bpp)

    def recode(image: Image) -> Recoded:
        key = repr(image.shape).encode() + image.tobytes()
        if key not in known:
            known[key] = attempt(image)
        return known[key]

    return recode


def damaged_decoder(coder: Coder, *known: RoundTrip) -> Decode:
    """Return a function that decodes damaged bitstreams of pictures of one size, each once.

    The function raises `MachineError` if the machine runs out of a resource, unless the damage is
    the cause: where a bitstream that is whole can still be decoded, the damaged one asked for too
    much, and failed.

    Args:
        coder: the victim.
        known: bitstreams with their decoded pictures; the first one gives the size and the time
            limit, which is a multiple of its time.
    """
    whole = known[0]
    height, width, _ = whole.picture.shape
    limit_s = _PATIENCE_S + _PATIENCE * whole.decode_seconds
    decoded: dict[bytes, Image | None] = {one.bitstream: one.image for one in known}

    def attempt(bitstream: bytes) -> Image | None:
        try:
            return coder.decode_damaged(bitstream, (height, width), limit_s)
        except ConfigError:
            raise
        except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
            if bitstream == whole.bitstream:
                raise_if_machine(error)
            elif _is_machine(error):
                attempt(whole.bitstream)
            return None

    def decode(bitstream: bytes) -> Image | None:
        if bitstream not in decoded:
            with limit_suspended():
                decoded[bitstream] = attempt(bitstream)
        return decoded[bitstream]

    return decode


def _is_machine(error: BaseException) -> bool:
    """Return whether an error means that the machine ran out of a resource."""
    try:
        raise_if_machine(error)
    except MachineError:
        return True
    return False


def none_if_unsupported(score: Callable[[], float]) -> float | None:
    """Return the result of `score`, or None if it raises `Unsupported`."""
    try:
        return score()
    except Unsupported:
        return None
