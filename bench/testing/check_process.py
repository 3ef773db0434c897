"""What the process of `bench check` runs: promises of the contract, one at a time.

Trial --> None, or why the codec cannot be made
name  --> Check, or what this machine lacks
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bench.codec import Codec
from bench.errors import FOREIGN, BenchError, MachineError, Unsupported, raise_if_machine, told
from bench.registry import plugins
from bench.registry.registry import Choice, build
from bench.testing import CodecContract
from bench.testing.base import Figure, frozen
from bench.testing.pictures import waves
from bench.utils.child_process import Parent

_SPEED_SIDE = 512


@dataclass(frozen=True)
class Trial:
    """What is checked.

    Attributes:
        plugins: to be loaded before the codec has a name.
        choice: the operating point.
    """

    plugins: tuple[str, ...]
    choice: Choice


@dataclass(frozen=True)
class Check:
    """One promise of the contract.

    Attributes:
        promise: what is checked.
        problem: how it is broken, in one sentence; empty if it holds.
        figures: what was measured, each in one sentence.
    """

    promise: str
    problem: str = ""
    figures: tuple[str, ...] = ()


class Contract(CodecContract):
    """The contract of codecs, and a larger picture whose coding is timed."""

    choice: Choice

    def __init__(self) -> None:
        self.figures: list[str] = []

    def codec(self) -> Codec:
        """Return a new object of the codec."""
        codec: Codec = build("codec", self.choice)
        return codec

    def measured(self, figure: Figure) -> None:
        """Keep a figure."""
        self.figures.append(str(figure))

    def test_a_larger_picture_is_coded(self) -> None:
        """One of a quarter of a megapixel; the time is told by the megapixel."""
        codec, image = self.codec(), frozen(waves(_SPEED_SIDE, _SPEED_SIDE))
        started = time.perf_counter()
        try:
            bitstream = codec.encode(image)
        except Unsupported as error:
            self.figures.append(told(error))
            return
        encoded = time.perf_counter()
        codec.decode(bitstream)
        spent, megapixels = (encoded - started, time.perf_counter() - encoded), image.size / 3e6
        for took, what in zip(spent, ("encode", "decode"), strict=True):
            self.figures.append(f"{took / megapixels:.2f} s to {what} a megapixel")


PROMISES = tuple(sorted(name for name in dir(Contract) if name.startswith("test_")))


def check(contract: type[Contract], name: str) -> Check:
    """Return what became of one of `PROMISES`.

    Raises:
        MachineError: this machine lacks something.
    """
    made, promise = contract(), promise_of(name)
    try:
        getattr(made, name)()
    except FOREIGN as error:  # a codec can fail in any way
        raise_if_machine(error)
        return Check(promise, told(error), tuple(made.figures))
    return Check(promise, figures=tuple(made.figures))


def promise_of(name: str) -> str:
    """Return one of `PROMISES` in words."""
    return name.removeprefix("test_").replace("_", " ")


def serve(parent: Parent) -> None:
    """Check what is asked for."""
    trial: Trial = parent.receive()
    try:
        _make(trial)
        parent.send(None)
    except BenchError as error:
        parent.send(error)
    contract = type("Of", (Contract,), {"choice": trial.choice})
    while True:
        parent.send(_answer(contract, parent.receive()))


def _make(trial: Trial) -> None:
    for name in trial.plugins:
        plugins.load(name, Path())
    build("codec", trial.choice)


def _answer(contract: type[Contract], name: str) -> Check | MachineError:
    try:
        return check(contract, name)
    except MachineError as error:
        return error
