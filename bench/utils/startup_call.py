"""Calls of foreign code before a run: imports of plugins, constructors and fingerprints.

    limit_startup(600)          a process of the command line, once
    with startup_call("the import of my_codec.py"):
        importlib.import_module(...)

Nothing can end such a call from inside, so the process ends, with one sentence. No record is lost:
none is being made. A process that has not called `limit_startup`, such as a notebook, has no limit.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

EXIT_STATUS = 2
"""Exit status of the process, as for everything that could not be done."""

_OUTPUT = {"stdout": 1, "stderr": 2}

_limits_s: list[float] = []


def limit_startup(seconds: float) -> None:
    """Set the limit of this process, in seconds."""
    _limits_s[:] = [seconds]


@contextmanager
def startup_call(what: str) -> Iterator[None]:
    """Keep the process as it is, its output too; end it if the context exceeds the limit.

    Args:
        what: the call, as a phrase that "took longer than 600 s" can follow.
    """
    from bench.utils.foreign_call import foreign_call  # noqa: PLC0415 - imports numpy

    timers = [threading.Timer(seconds, _end, (what, seconds)) for seconds in _limits_s]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        with _output_kept(), foreign_call(what):
            yield
    finally:
        for timer in timers:
            timer.cancel()


@contextmanager
def _output_kept() -> Iterator[None]:
    """Open the output of this process again if the code in the context has closed it."""
    copies = dict(_copies())
    try:
        yield
    finally:
        for name, copy in copies.items():
            closed = getattr(sys, name)
            if closed.closed:
                os.dup2(copy, _OUTPUT[name])
                again = os.fdopen(
                    _OUTPUT[name], "w", encoding=closed.encoding, errors=closed.errors
                )
                setattr(sys, name, again)
            os.close(copy)


def _copies() -> Iterator[tuple[str, int]]:
    """Yield a copy of each open descriptor of the output."""
    for name, number in _OUTPUT.items():
        with suppress(OSError):
            yield name, os.dup(number)


def _end(what: str, seconds: float) -> None:
    sys.stderr.write(f"bench: {what} took longer than {seconds:g} s; correct it or leave it out\n")
    sys.stderr.flush()
    os._exit(EXIT_STATUS)
