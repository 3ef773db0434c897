"""A profile of a run: the time that each activity takes.

    with profiled(clock):
        ...                     a run in this process
    print(table(clock))

The functions of the activities are wrapped only while a profile is taken. Time in an activity that
runs inside another one, such as an encode in a query, counts only for the inner one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from rich.table import Table

from bench.codec import Codec
from bench.scoring import measure
from bench.store.run_folder import Store

PREPARING = "preparing: codecs, pictures, plan"
_REST = "the rest: attacks' own steps, the harness"


@dataclass
class Spent:
    """The time of one activity.

    Attributes:
        calls: number of calls.
        seconds: wall-clock time.
        waiting: seconds of it in which this thread did not compute but waited: for other programs,
            other threads, the disk, or a busy machine.
    """

    calls: int = 0
    seconds: float = 0.0
    waiting: float = 0.0


class Clock:
    """Adds up the times of activities in one thread, each without the activities inside it.

    Attributes:
        spent: time by activity.
    """

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {_REST: Spent()}
        self._thread = threading.get_ident()
        self._open = [_REST]
        self._since = self._now()

    @contextmanager
    def at(self, activity: str) -> Iterator[None]:
        """Count the time inside the context for an activity; does nothing in other threads."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._count()
        self.spent.setdefault(activity, Spent()).calls += 1
        self._open.append(activity)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def stop(self) -> None:
        """Count the time until now."""
        self._count()

    def _count(self) -> None:
        now, spent = self._now(), self.spent[self._open[-1]]
        elapsed, computed = (new - old for new, old in zip(now, self._since, strict=True))
        spent.seconds += elapsed
        spent.waiting += max(0.0, elapsed - computed)
        self._since = now

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()


@contextmanager
def profiled(clock: Clock) -> Iterator[None]:
    """Profile the run inside the context, including all codecs whose classes are loaded by now."""
    with ExitStack() as wrapped:
        for owner, name, activity in (*_timed_functions(), *_timed_codecs()):
            wrapped.enter_context(_wrapped(owner, name, activity, clock))
        yield
    clock.stop()


def _timed_functions() -> tuple[tuple[Any, str, str], ...]:
    """Return the functions of the harness that are timed: owner, name and activity."""
    import torch  # noqa: PLC0415 - takes seconds to import

    from bench.crafting.target import CodecTarget  # noqa: PLC0415 - imports torch

    return (
        (CodecTarget, "_surrogate_output", "attack, forward"),
        (torch.autograd, "grad", "attack, backward"),
        (CodecTarget, "query", "queries coded in threads"),
        (measure, "score", "metrics"),
        (Store, "append", "disk"),
        (Store, "save_picture", "disk"),
        (Store, "load_picture", "disk"),
    )


def _timed_codecs() -> Iterator[tuple[Any, str, str]]:
    """Yield encode and decode of all loaded codec classes: owner, name and activity."""
    for owner in _subclasses(Codec):
        for name in ("encode", "decode"):
            if name in vars(owner):
                yield owner, name, name


def table(clock: Clock) -> Table:
    """Return a profile as a table, the longest activity first."""
    profile = Table(title="where the time went", title_justify="left")
    for header in ("activity", "calls", "seconds", "share", "of which waiting"):
        profile.add_column(header, justify="left" if header == "activity" else "right")
    total = sum(spent.seconds for spent in clock.spent.values())
    for activity, spent in sorted(clock.spent.items(), key=lambda item: -item[1].seconds):
        share, waiting = spent.seconds / total, spent.waiting / (spent.seconds or 1)
        calls = str(spent.calls or "")
        profile.add_row(activity, calls, f"{spent.seconds:.2f}", f"{share:.1%}", f"{waiting:.0%}")
    profile.add_section()
    profile.add_row("all", "", f"{total:.2f}", "100.0%", "")
    return profile


@contextmanager
def _wrapped(owner: Any, name: str, activity: str, clock: Clock) -> Iterator[None]:  # noqa: ANN401
    inner: Callable[..., Any] = getattr(owner, name)

    @wraps(inner)
    def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        with clock.at(activity):
            return inner(*args, **kwargs)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, inner)


def _subclasses(base: type) -> Iterator[type]:
    derived: type
    for derived in base.__subclasses__():
        yield derived
        yield from _subclasses(derived)
