"""The child process in which codecs encode, or decode. Nothing it does outlives it.

    CoderConfig --> None                        once: plugins, threads
    Call --> Timed, int, float, None or BenchError

It makes each codec at its first call, once for all draws of its random numbers. What a codec raises
is sent back as one sentence.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.codec import Codec, Layout, Movable
from bench.errors import (
    BenchError,
    CodecError,
    ConfigError,
    MachineError,
    Unsupported,
    one_line,
    raise_if_machine,
)
from bench.isolation.coder import LocalCoder
from bench.registry import plugins
from bench.registry.registry import Component, instantiate
from bench.utils.child_process import Parent
from bench.utils.foreign_call import foreign_call
from bench.utils.machine import configure_threads
from bench.wrapping import drawn


@dataclass(frozen=True)
class CoderConfig:
    """The settings of the process.

    Attributes:
        plugins: the plugins to load first.
        threads: number of threads of torch.
    """

    plugins: tuple[str, ...]
    threads: int


@dataclass(frozen=True)
class Decoding:
    """How the networks of a codec decode, see `bench.codec.Movable`.

    Attributes:
        layout: the memory layout of the weights.
        device: "cpu" or "cuda".
    """

    layout: Layout
    device: str


@dataclass(frozen=True)
class CoderSpec:
    """A codec to make.

    Attributes:
        choice: its name and parameters.
        fingerprint: the fingerprint that it must have; None if it may have another one there.
        seed: seed of the draw, for a codec that draws random numbers; otherwise None.
        decoding: how its networks decode; None if nothing is changed.
    """

    choice: Component
    fingerprint: str | None
    seed: int | None
    decoding: Decoding | None = None


@dataclass(frozen=True)
class Place:
    """Where a codec looks for its files and programs: as in the process that names it.

    Attributes:
        folder: the working directory.
        environment: the environment variables.
    """

    folder: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Call:
    """One call of a codec.

    Attributes:
        codec: pickle of its `CoderSpec` without a seed.
        seed: seed of the draw, for a codec that draws random numbers; otherwise None.
        method: name of the method of `bench.isolation.coder.Coder`; "" makes the codec, in the
            `Place` that is its only argument.
        arguments: the positional arguments.
        options: the keyword arguments.
    """

    codec: bytes
    seed: int | None
    method: str = ""
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def serve(parent: Parent) -> None:
    """Answer calls until the parent process stops this one."""
    config: CoderConfig = parent.receive()
    configure_threads(config.threads)
    for name in config.plugins:
        plugins.load(name, Path())
    codecs: dict[bytes, _Made] = {}
    while True:
        parent.send(_answer(codecs, parent.receive()))


def _answer(codecs: dict[bytes, _Made], call: Call) -> Any:  # noqa: ANN401 - what the method returns
    try:
        if call.method:
            coder = codecs[call.codec].coder(call.seed)
            return getattr(coder, call.method)(*call.arguments, **call.options)
        codecs[call.codec] = _make(pickle.loads(call.codec), *call.arguments)  # noqa: S301 - our own
    except BaseException as error:  # noqa: BLE001 - a codec can fail in any way
        return _sendable(error, ConfigError if not call.method else CodecError)
    return None


class _Made:
    """A codec, and its current draw: the next evaluation of a codec has another one."""

    def __init__(self, codec: Codec, decoding: Decoding | None) -> None:
        self._codec, self._decoding = codec, decoding
        self._seed: int | None = None
        self._coder: LocalCoder | None = None

    def coder(self, seed: int | None) -> LocalCoder:
        """Return the codec with its random choices drawn, if there is a seed."""
        if self._coder is None or seed != self._seed:
            self._coder = None  # a draw can hold much memory
            self._coder, self._seed = LocalCoder(self._drawn(seed)), seed
        return self._coder

    def _drawn(self, seed: int | None) -> Codec:
        codec, decoding = self._codec, self._decoding
        if seed is not None:
            with foreign_call("draw()"):
                codec = drawn(codec, np.random.default_rng(seed))
        if decoding is not None and isinstance(codec, Movable):
            with foreign_call("moved()"):
                codec = codec.moved(decoding.layout, decoding.device)
        return codec


def _make(spec: CoderSpec, place: Place) -> _Made:
    os.chdir(place.folder)
    os.environ.clear()
    os.environ.update(place.environment)
    codec: Codec = instantiate("codec", spec.choice)
    with foreign_call("fingerprint()"):
        found = codec.fingerprint()
    if spec.fingerprint not in (None, found):
        raise ConfigError(
            f"'{spec.choice}' is {found}, where the run began it is {spec.fingerprint}; do not"
            " change weights or programs during a run"
        )
    return _Made(codec, spec.decoding)


def _sendable(error: BaseException, kind: type[BenchError]) -> BenchError:
    """Return an error of a kind that can be pickled, with the same sentence."""
    try:
        raise_if_machine(error)
    except MachineError as scarce:
        return MachineError(str(scarce))
    return (Unsupported if isinstance(error, Unsupported) else kind)(one_line(error))
