"""Memory: reuse of freed memory, pauses of the garbage collector, and the peak of a call.

    with keep_freed_memory():
        search()

    with collection_paused():
        records = list(read(file))

    with track_peak() as peak:
        codec.encode(image)
    peak.bytes

The peak is the growth of this process's resident set, from the high-water mark that the kernel
keeps, plus the largest program that the call started. Memory freed before the call is returned to
the system first; otherwise a second call would seem to need none. This makes the call slower, so
do not time it. The mark of a program is read every 10 ms. `ru_maxrss`, which the kernel reports for
a program that has ended, is not used: it starts at the size of the process that started it.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""

_LARGE = 64 << 20
"""Blocks of at least so many bytes are still returned at once, because nothing fits their gaps."""

_ADAPTED = 32 << 20, 64 << 20
"""The mmap and trim thresholds, in bytes, that glibc adapts to by itself when large blocks are
freed."""

_PROCESS = Path("/proc/self")
_SAMPLING_S = 0.01
"""Seconds between two readings of the running programs."""


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Reuse freed memory inside the context without asking the system; return it at the end.

    By default glibc returns large blocks at once and gets them again page by page, each cleared.
    This costs up to a tenth of a search on 512x768 pixels. Other C libraries do not have these
    parameters, and there this does nothing.
    """
    _return_freed_memory()
    _set_thresholds(_LARGE, -1)
    try:
        yield
    finally:
        _set_thresholds(*_ADAPTED)
        _return_freed_memory()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collector while many objects are made that stay; it would scan them all."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _set_thresholds(mmap_threshold: int, trim_threshold: int) -> None:
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, mmap_threshold)
        mallopt(_TRIM_THRESHOLD, trim_threshold)


def _return_freed_memory() -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@dataclass
class Peak:
    """The peak memory of a call.

    Attributes:
        bytes: growth of this process plus the size of the largest program. None until the call has
            ended, and on systems without /proc/self/clear_refs.
    """

    bytes: int | None = None


@contextmanager
def track_peak() -> Iterator[Peak]:
    """Measure the peak memory of a call.

    Only one call at a time can be measured in a process, and its other threads must be idle.
    """
    peak = Peak()
    if not _reset_mark():
        yield peak
        return
    before = _status_bytes(_PROCESS, "VmRSS")
    programs: dict[str, int] = {}
    ended, others = Event(), frozenset(_child_pids())
    watcher = Thread(target=_sample_programs, args=(programs, others, ended), daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
    growth = _status_bytes(_PROCESS, "VmHWM") - before
    peak.bytes = max(0, growth) + max(programs.values(), default=0)


def _reset_mark() -> bool:
    """Return freed memory and reset the high-water mark of this process; False if impossible."""
    _return_freed_memory()
    try:
        (_PROCESS / "clear_refs").write_bytes(b"5")
    except OSError:
        return False
    return True


def _sample_programs(programs: dict[str, int], others: frozenset[str], ended: Event) -> None:
    """Record the peak size of each program, by its process ID, until the call has ended.

    Args:
        programs: receives the sizes in bytes.
        others: the programs that ran before the call.
        ended: is set when the call has ended.
    """
    while not ended.wait(_SAMPLING_S):
        for pid in (pid for pid in _child_pids() if pid not in others):
            with suppress(OSError):
                size = _status_bytes(Path("/proc") / pid, "VmHWM")
                programs[pid] = size or programs.get(pid, 0)


def _child_pids() -> list[str]:
    """Return the IDs of the processes that this one has started."""
    pids: list[str] = []
    for thread in (_PROCESS / "task").iterdir():
        with suppress(OSError):
            pids += (thread / "children").read_text(encoding="ascii").split()
    return pids


def _status_bytes(process: Path, name: str) -> int:
    """Return a size from /proc/PID/status, in bytes; 0 for a process that has ended."""
    for line in (process / "status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    return 0
