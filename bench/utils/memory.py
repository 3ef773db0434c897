"""What is done with memory that was freed; and the peak of a call, this process and its programs.

    with kept():
        search()

    with collection_paused():
        records = list(read(file))

    with watched() as peak:
        codec.encode(image)
    peak.bytes

The growth is that of the resident set, whose highest mark the system keeps; what was freed before
is given back to it first, or a second call would seem to need nothing. That makes the call slower:
take the time of another one. A program's mark is read every 10 ms; ru_maxrss, the system's account
of a program that has ended, would begin with the size of the process that started it.
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
"""Bytes from which a block goes back at once: of such a size they leave gaps that nothing fits."""

_ADAPTED = 32 << 20, 64 << 20
"""What glibc comes to by itself where large blocks are freed: from where on they are the system's,
and how much of the others it keeps."""

_PROCESS = Path("/proc/self")
_SECONDS = 0.01
"""Between two looks at the programs that run."""


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let what is freed inside be taken again without asking the system; give it back at the end.

    glibc gives large blocks back at once, and gets them anew page by page, each cleared: up to
    a tenth of a search on 512x768 pixels. No other library has these parameters, or needs them.
    """
    _give_back()
    _set(_LARGE, -1)
    try:
        yield
    finally:
        _set(*_ADAPTED)
        _give_back()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Look for no garbage where much is made that stays: each look goes through all of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _set(mmap_threshold: int, trim_threshold: int) -> None:
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, mmap_threshold)
        mallopt(_TRIM_THRESHOLD, trim_threshold)


def _give_back() -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@dataclass
class Peak:
    """What a call took at most.

    Attributes:
        bytes: the growth of this process plus the largest program; None until the call has ended,
            and where the system does not tell.
    """

    bytes: int | None = None


@contextmanager
def track_peak() -> Iterator[Peak]:
    """Watch a call; only one at a time in a process, of which all other threads are at rest."""
    peak = Peak()
    if not _begun():
        yield peak
        return
    before = _resident(_PROCESS, "VmRSS")
    programs: dict[str, int] = {}
    ended = Event()
    watcher = Thread(target=_look, args=(programs, ended), daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
    growth = _resident(_PROCESS, "VmHWM") - before
    peak.bytes = max(0, growth) + max(programs.values(), default=0)


def _begun() -> bool:
    """Give back what was freed, and let the mark of this process begin where it stands."""
    _give_back()
    try:
        (_PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _look(programs: dict[str, int], ended: Event) -> None:
    """Note the largest size of each program, by its number, until the call has ended."""
    while not ended.wait(_SECONDS):
        for number in _children():
            with suppress(OSError):
                size = _resident(Path("/proc") / number, "VmHWM")
                programs[number] = size or programs.get(number, 0)


def _children() -> list[str]:
    """Return the numbers of the processes that this one has started."""
    found: list[str] = []
    for thread in (_PROCESS / "task").iterdir():
        with suppress(OSError):
            found += (thread / "children").read_text().split()
    return found


def _resident(process: Path, name: str) -> int:
    """Return a line of a process's status in bytes; 0 of one that has ended and is not yet gone."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    return 0
