"""Waiting with a time limit that does not count the time in which this process was paused.

A process that was stopped by a signal, or whose machine slept, finds that its time limits have
passed when it goes on, although what it waited for was paused, too, or has ended since.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_SLICE_S = 1.0
"""A wait is divided into slices of at most this length."""

_PAUSE_S = 1.0
"""A slice that took longer than its length by this much was interrupted by a pause."""


def wait(is_done: Callable[[float], bool], limit_s: float) -> bool:
    """Wait for something; return whether it came within the limit.

    Args:
        is_done: waits at most so many seconds and returns whether it came.
        limit_s: time limit in seconds, without pauses of this process.
    """
    slices = max(1, math.ceil(limit_s / _SLICE_S))
    length = limit_s / slices
    while slices:
        started = time.monotonic()
        if is_done(length):
            return True
        if time.monotonic() - started < length + _PAUSE_S:
            slices -= 1
    return False


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
        output: list[tuple[bytes, bytes]] = []
        unsent: list[bytes] = [data]

        def has_ended(seconds: float) -> bool:
            try:
                output.append(process.communicate(unsent.pop() if unsent else None, seconds))
            except subprocess.TimeoutExpired:
                return False
            return True

        try:
            if not wait(has_ended, limit_s):
                raise subprocess.TimeoutExpired(command, limit_s)
        except BaseException:
            process.kill()
            raise
    ((stdout, stderr),) = output
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
