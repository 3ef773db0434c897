"""The process that `bench check` starts: it runs the checks one at a time.

It receives a `CheckRequest` and answers None, or the error if the codec cannot be built. It then
receives names of checks and answers each with a `CheckResult`, or a `MachineError`.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from bench.codec import Codec
from bench.errors import (
    PLUGIN_ERRORS,
    BenchError,
    MachineError,
    Unsupported,
    cause,
    raise_if_machine,
)
from bench.isolation.coder_pool import shared_pool
from bench.isolation.coder_process import CoderSpec
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve
from bench.testing import CodecContract
from bench.testing.advice import ADVICE
from bench.testing.base import BrokenPromise, Figure, NotApplicable, frozen, require
from bench.testing.pictures import waves
from bench.utils.child_process import Parent

_SPEED_SIDE = 512

Verdict: TypeAlias = Literal["PASS", "WARN", "FAIL", "n/a"]
"""WARN: the promise holds, but a measured value is near its limit."""


@dataclass(frozen=True)
class CheckRequest:
    """The codec to check.

    Attributes:
        plugins: the plugins, which must be loaded before `choice` can be read.
        choice: pickle of the codec and its parameters.
    """

    plugins: tuple[str, ...]
    choice: bytes


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        requirement: what the check requires.
        verdict: whether the requirement holds.
        reason: why it fails or does not apply; empty otherwise.
        advice: what to do about a failure, in one sentence; empty otherwise.
        figures: the measured values, each in one sentence.
    """

    requirement: str
    verdict: Verdict
    reason: str = ""
    advice: str = ""
    figures: tuple[str, ...] = ()


class Contract(CodecContract):
    """The conformance tests of codecs, and a larger picture for timing."""

    choice: ComponentSpec

    def __init__(self) -> None:
        self.figures: list[str] = []
        self.is_near_limit = False

    def codec(self) -> Codec:
        """Return a new object of the codec."""
        codec: Codec = instantiate("codec", self.choice)
        return codec

    def measured(self, figure: Figure) -> None:
        """Keep a measured value."""
        self.figures.append(f"{figure}{' (near the limit)' if figure.is_near else ''}")
        self.is_near_limit |= figure.is_near

    def test_a_process_that_has_not_seen_the_picture_decodes_it(self) -> None:
        """Decode in another process, after what the encoder may have kept has been replaced."""
        codec, choice = self.codec(), resolve("codec", self.choice)
        bitstream, decoded = self._coded()
        codec.encode(frozen(np.ascontiguousarray(self._picture()[:, ::-1])))
        spec = CoderSpec(choice, codec.fingerprint(), seed=None)
        pool = shared_pool(torch.get_num_threads())
        again = pool.coder(spec).decode(bitstream, self.largest).value
        require(
            np.array_equal(again, decoded),
            "another process decoded the bytes to another picture: the decoder needs more than they"
            " hold",
        )

    def test_a_larger_picture_is_coded(self) -> None:
        """Encode and decode a picture of a quarter of a megapixel; report seconds per megapixel."""
        codec, image = self.codec(), frozen(waves(_SPEED_SIDE, _SPEED_SIDE))
        started = time.perf_counter()
        try:
            bitstream = codec.encode(image)
        except Unsupported as error:
            size = f"{_SPEED_SIDE}x{_SPEED_SIDE}"
            raise NotApplicable(f"a picture of {size} is unsupported: {cause(error)}") from error
        encoded = time.perf_counter()
        codec.decode(bitstream)
        seconds = {"encode": encoded - started, "decode": time.perf_counter() - encoded}
        megapixels = image.size / 3e6
        for step, spent in seconds.items():
            self.figures.append(f"{spent / megapixels:.2f} s to {step} a megapixel")


REQUIREMENTS = tuple(sorted(name for name in dir(Contract) if name.startswith("test_")))


def check(contract: type[Contract], name: str) -> CheckResult:
    """Run one of `REQUIREMENTS` and return its result.

    Raises:
        MachineError: the machine ran out of memory or another resource.
    """
    test = contract()
    try:
        getattr(test, name)()
    except NotApplicable as error:
        return CheckResult(requirement_of(name), "n/a", str(error))
    except PLUGIN_ERRORS as error:  # a codec can fail in any way
        raise_if_machine(error)
        reason = str(error) if isinstance(error, BrokenPromise) else cause(error)
        return CheckResult(requirement_of(name), "FAIL", reason, ADVICE[name], tuple(test.figures))
    verdict: Verdict = "WARN" if test.is_near_limit else "PASS"
    return CheckResult(requirement_of(name), verdict, figures=tuple(test.figures))


def requirement_of(name: str) -> str:
    """Return the name of a check as words."""
    return name.removeprefix("test_").replace("_", " ")


def serve(parent: Parent) -> None:
    """Receive requests and answer them, until the parent process stops this one."""
    request: CheckRequest = parent.receive()
    contract: type[Contract] = type("ChosenContract", (Contract,), {})
    try:
        contract.choice = _built(request)
        parent.send(None)
    except BenchError as error:
        parent.send(error)
    while True:
        parent.send(_answer(contract, parent.receive()))


def _built(request: CheckRequest) -> ComponentSpec:
    """Return the codec and its parameters, with which it can be built."""
    for name in request.plugins:
        plugins.load(name, Path())
    choice: ComponentSpec = pickle.loads(request.choice)  # noqa: S301 - our own
    instantiate("codec", choice)
    return choice


def _answer(contract: type[Contract], name: str) -> CheckResult | MachineError:
    try:
        return check(contract, name)
    except MachineError as error:
        return error
