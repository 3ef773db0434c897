"""The boundary to code that is not the harness's own: codecs, attacks, objectives and metrics.

    with foreign_call("a metric", pixels):
        metric(source, decoded)

The state of the process is kept (`bench.utils.process_state`). An exception that is no `Exception`,
such as SystemExit or a plugin's own BaseException, becomes a `CodecError`. In a worker, the process
that started it hears how long the call may take, and kills the worker when it takes longer. Python
cannot end a call from inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.codec import Image
from bench.errors import CodecError, one_line
from bench.utils.process_state import process_state_kept


@dataclass(frozen=True)
class CallLimit:
    """The time limit of the call that runs now.

    Attributes:
        what: the call, as a phrase such as "encoding".
        seconds: the limit; None if none applies.
    """

    what: str = ""
    seconds: float | None = None


_running = [CallLimit()]
"""The calls that run now, the innermost last; the first one stands for the harness itself."""


@dataclass(frozen=True)
class _Watch:
    """Who hears the limits of calls, and how long they are."""

    listener: Callable[[CallLimit], None]
    seconds: float


_watches: list[_Watch] = []


def report_limits(listener: Callable[[CallLimit], None], seconds: float) -> None:
    """Let a function hear the limit of every call from now on, and the one after it.

    Args:
        listener: the function.
        seconds: the limit of a small picture, see `call_limit`.
    """
    _watches[:] = [_Watch(listener, seconds)]


def call_limit(seconds: float, pixels: int) -> float:
    """Return the time limit of one call in seconds: `seconds`, and as much per megapixel."""
    return seconds * (1 + pixels / 1e6)


@contextmanager
def foreign_call(what: str, pixels: int | None = None) -> Iterator[None]:
    """Keep the process as it is while foreign code runs.

    Args:
        what: the call, as a phrase that "took longer than 60 s" can follow.
        pixels: number of pixels that it processes; None if the call has no time limit of its own.

    Raises:
        CodecError: the code raised an exception that is no `Exception`.
    """
    with _reported(what, pixels), process_state_kept():
        try:
            yield
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise CodecError(one_line(error)) from error


@contextmanager
def limit_suspended() -> Iterator[None]:
    """Suspend the limit of the foreign call around it, which waits here for the harness.

    What the harness calls for it has limits of its own. Afterwards the limit begins again.
    """
    with _announced(CallLimit()):
        yield


@contextmanager
def _reported(what: str, pixels: int | None) -> Iterator[None]:
    """Report the limit of a call, and afterwards that of the call around it."""
    if pixels is None or not _watches:
        yield
        return
    (watch,) = _watches
    with _announced(CallLimit(what, call_limit(watch.seconds, pixels))):
        yield


@contextmanager
def _announced(limit: CallLimit) -> Iterator[None]:
    """Let the listener, if there is one, hear a limit, and afterwards the one around it."""
    _running.append(limit)
    for watch in _watches:
        watch.listener(limit)
    try:
        yield
    finally:
        _running.pop()
        for watch in _watches:
            watch.listener(_running[-1])


def lent(image: Image) -> Image:
    """Return a read-only copy: torch writes into read-only arrays, and others use the picture."""
    copy = image.copy()
    copy.setflags(write=False)
    return copy
