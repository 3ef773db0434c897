"""`bench check`: the contract that tests put codecs through, run on one operating point."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.codec import Codec
from bench.errors import raise_if_machine, told
from bench.registry import Choice, build
from bench.testing import CodecContract
from bench.testing.pictures import waves

_SPEED_SIDE = 512


@dataclass(frozen=True)
class Check:
    """One promise of the contract.

    Attributes:
        promise: what is checked.
        problem: how it is broken, in one sentence; empty if it holds.
    """

    promise: str
    problem: str = ""


@dataclass(frozen=True)
class Speed:
    """Seconds a megapixel."""

    encoding: float
    decoding: float


def check(choice: Choice) -> Iterator[Check]:
    """Yield every promise as it is checked.

    Raises:
        ConfigError: the codec cannot be made.
    """
    build("codec", choice)

    class Contract(CodecContract):
        def codec(self) -> Codec:
            codec: Codec = build("codec", choice)
            return codec

    contract = Contract()
    for name in sorted(vars(CodecContract)):
        if name.startswith("test_"):
            yield _checked(contract, name)


def speed(choice: Choice) -> Speed:
    """Return how long a picture of a quarter of a megapixel takes, by the megapixel."""
    codec: Codec = build("codec", choice)
    image = waves(_SPEED_SIDE, _SPEED_SIDE)
    megapixels = _SPEED_SIDE**2 / 1e6
    started = time.perf_counter()
    bitstream = codec.encode(image)
    encoded = time.perf_counter()
    codec.decode(bitstream)
    decoded = time.perf_counter()
    return Speed((encoded - started) / megapixels, (decoded - encoded) / megapixels)


def _checked(contract: CodecContract, name: str) -> Check:
    promise = name.removeprefix("test_").replace("_", " ")
    try:
        getattr(contract, name)()
    except Exception as error:  # noqa: BLE001 - a codec can fail in any way
        raise_if_machine(error)
        return Check(promise, told(error))
    return Check(promise)
