"""Waiting with a time limit that does not count the time in which this process was paused.

A process that was stopped by a signal, or whose machine slept, finds that its time limits have
passed when it goes on, although what it waited for was paused, too, or has ended since.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_LONGEST_S = 1.0
"""Length of the longest wait in seconds."""

_PAUSE_S = 1.0
"""A wait that took longer than its length by this much was interrupted by a pause."""


def waits(limit_s: float) -> Iterator[float]:
    """Yield the lengths of waits that add up to a time limit, in seconds.

    A wait in which this process was paused is repeated.
    """
    count = max(1, math.ceil(limit_s / _LONGEST_S))
    length = limit_s / count
    while count:
        started = time.monotonic()
        yield length
        if time.monotonic() - started < length + _PAUSE_S:
            count -= 1


def run_program(
    command: Sequence[str],
    limit_s: float,
    data: bytes = b"",
    folder: Path | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, like `subprocess.run`, but pauses do not count.

    Args:
        command: the program and its arguments.
        limit_s: time limit in seconds.
        data: the content of stdin.
        folder: the working directory; None for that of this process.
        descriptors: the open files that the program inherits.

    Raises:
        OSError: the program cannot be started.
        subprocess.TimeoutExpired: it did not end within the limit, and was killed.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, pass_fds=descriptors
    ) as process:
        try:
            for seconds in waits(limit_s):
                with suppress(subprocess.TimeoutExpired):
                    output = process.communicate(data, seconds)
                    return subprocess.CompletedProcess(command, process.returncode, *output)
                data = b""  # the first call has taken it over
            raise subprocess.TimeoutExpired(command, limit_s)
        except BaseException:
            process.kill()
            raise
