"""The processes in which the codecs of a run encode and decode.

    encoder <--picture, bytes-->  this process  <--bytes, picture--> decoder
                                                <--damaged bytes---> decoder of damaged bytes

Each is started at its first call, killed when a call takes too long, and started again. The
decoders have never received a picture.
"""

from __future__ import annotations

import atexit
import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from bench.codec import Image
from bench.errors import BenchError, CodecError, MachineError
from bench.isolation import CALL_LIMIT_S
from bench.isolation.coder import Coder, Timed
from bench.isolation.coder_process import Call, CoderConfig, CoderSpec, Place
from bench.registry import plugins
from bench.utils.child_process import Child, KilledError, LostError
from bench.utils.foreign_call import call_limit

_MAKING_S = 600.0
"""Shortest time limit for making a codec, which may download its weights, in seconds."""


class CoderPool:
    """A process that encodes and one that decodes, for all codecs of a run.

    A third one decodes damaged bitstreams, after which a decoder may be in any state.

    Args:
        threads: number of threads of torch in each.
        call_limit_s: time limit of a call, see `bench.utils.foreign_call.call_limit`.
        variables: environment variables that they have besides those of this process.
    """

    def __init__(
        self,
        threads: int,
        call_limit_s: float = CALL_LIMIT_S,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.encoder = _Process(threads, call_limit_s, variables or {})
        self.decoder = _Process(threads, call_limit_s, variables or {})
        self.damaged = _Process(threads, call_limit_s, variables or {})

    def coder(self, spec: CoderSpec) -> ProcessCoder:
        """Return a codec that encodes and decodes in the processes."""
        return ProcessCoder(self, spec)

    def close(self) -> None:
        """Stop the processes."""
        for process in (self.encoder, self.decoder, self.damaged):
            process.stop()


_shared: dict[tuple[object, ...], CoderPool] = {}


def shared_pool(threads: int, call_limit_s: float = CALL_LIMIT_S) -> CoderPool:
    """Return the pool of this process; another one replaces it if plugins were loaded since.

    Its processes live until this process ends, so that many runs need to start them only once.

    Args:
        threads: number of threads of torch in each.
        call_limit_s: time limit of a call, see `bench.utils.foreign_call.call_limit`.
    """
    key = plugins.loaded(), threads, call_limit_s
    if key not in _shared:
        _close_shared()
        _shared[key] = CoderPool(threads, call_limit_s)
    return _shared[key]


@atexit.register
def _close_shared() -> None:
    while _shared:
        _, pool = _shared.popitem()
        pool.close()


class ProcessCoder(Coder):
    """A `Coder` whose calls run in the processes of a pool.

    Its methods raise `CodecError` also if the codec ends its process or exceeds the time limit.

    Args:
        pool: the processes.
        spec: the codec.
    """

    def __init__(self, pool: CoderPool, spec: CoderSpec) -> None:
        self._pool, self._seed = pool, spec.seed
        self._codec = pickle.dumps(replace(spec, seed=None))

    def encode(self, image: Image, *, track: bool = False) -> Timed[bytes]:
        """Encode a picture, see `Coder.encode`."""
        call = Call(self._codec, self._seed, "encode", (image,), {"track": track})
        encoded: Timed[bytes] = self._pool.encoder.run(call, "encoding", image[..., 0].size)
        return encoded

    def decode(
        self, bitstream: bytes, size: tuple[int, int], *, track: bool = False
    ) -> Timed[Image]:
        """Decode a bitstream, see `Coder.decode`."""
        call = Call(self._codec, self._seed, "decode", (bitstream, size), {"track": track})
        decoded: Timed[Image] = self._pool.decoder.run(call, "decoding", size[0] * size[1])
        return decoded

    def decode_damaged(self, bitstream: bytes, size: tuple[int, int], limit_s: float) -> Image:
        """Decode a damaged bitstream, see `Coder.decode_damaged`."""
        call = Call(self._codec, self._seed, "decode", (bitstream, size))
        decoded: Timed[Image] = self._pool.damaged.run(call, "decoding", size[0] * size[1], limit_s)
        return decoded.value

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the bytes of the container, see `Coder.header_bytes`."""
        call = Call(self._codec, self._seed, "header_bytes", (bitstream,))
        return int(self._pool.encoder.run(call, "header_bytes()"))

    def estimated_bits(self, image: Image) -> float | None:
        """Return the predicted bits, see `Coder.estimated_bits`."""
        call = Call(self._codec, self._seed, "estimated_bits", (image,))
        bits: float | None = self._pool.encoder.run(call, "estimated_bits()", image[..., 0].size)
        return bits


class _Process:
    """A process that is started at its first call, and again after it has ended."""

    def __init__(self, threads: int, call_limit_s: float, variables: Mapping[str, str]) -> None:
        self._threads, self._call_limit_s, self._variables = threads, call_limit_s, variables
        self._child: Child | None = None
        self._made: set[bytes] = set()

    def run(self, call: Call, what: str, pixels: int = 0, longest_s: float = inf) -> Any:  # noqa: ANN401 - what it returns
        """Return the result of a call.

        A call over which the process is lost is made once more, in a new process: what another
        codec has left behind may have ended the first one.

        Args:
            call: the call.
            what: the call, as a phrase for messages.
            pixels: number of pixels of the picture.
            longest_s: time limit in seconds, where it is shorter than that of every call.

        Raises:
            BenchError: the codec raised it, ended the process, or exceeded the time limit.
        """
        limit_s = min(longest_s, call_limit(self._call_limit_s, pixels))
        try:
            return self._call(call, what, limit_s)
        except LostError:
            return self._call_again(call, what, limit_s)

    def _call_again(self, call: Call, what: str, limit_s: float) -> Any:  # noqa: ANN401 - what it returns
        try:
            return self._call(call, what, limit_s)
        except KilledError as error:  # as the system does when memory runs out
            raise MachineError(f"{what}: {error}") from error
        except LostError as error:
            raise CodecError(f"{what} crashed: {error}") from error

    def _call(self, call: Call, what: str, limit_s: float) -> Any:  # noqa: ANN401 - what it returns
        if call.codec not in self._made:
            making_s = max(_MAKING_S, self._call_limit_s)
            place = Place(str(Path.cwd()), {**os.environ, **self._variables})
            self._request(Call(call.codec, None, arguments=(place,)), "making the codec", making_s)
            self._made.add(call.codec)
        return self._request(call, what, limit_s)

    def stop(self) -> None:
        """Stop the process, if it runs."""
        child, self._child = self._child, None
        self._made.clear()
        if child is not None:
            child.stop()

    def _request(self, call: Call, what: str, limit_s: float) -> Any:  # noqa: ANN401 - what it returns
        try:
            child = self._running()
            child.send(call)
            answer = child.receive(limit_s)
        except BaseException as error:  # the next call must not take the answer of this one
            self.stop()
            if isinstance(error, TimeoutError):
                problem = f"{what} took longer than {limit_s:.1f} s and was stopped"
                raise CodecError(problem) from None
            raise
        if isinstance(answer, BenchError):
            raise answer
        return answer

    def _running(self) -> Child:
        if self._child is None:
            self._child = Child("bench.isolation.coder_process:serve", self._variables)
            self._child.send(CoderConfig(plugins.loaded(), self._threads))
        return self._child
