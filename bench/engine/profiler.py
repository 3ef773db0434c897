"""Where the time of a run goes. The seams are wrapped while a profile is taken, and only then.

    with profiled(clock):
        ...                     a run in this process
    print(table(clock))

What one activity spends inside another one (an encode in a query) counts for the inner one alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from rich.table import Table

from bench.codec import Codec
from bench.crafting.target import CodecTarget
from bench.scoring import measure
from bench.store.run_folder import Store

PREPARING = "preparing: codecs, pictures, plan"
_REST = "the rest: attacks' own steps, the harness"
_ENCODING, _DECODING = "encode", "decode"
_SEAMS: tuple[tuple[Any, str, str], ...] = (
    (CodecTarget, "_coded", "attack, forward"),
    (torch.autograd, "grad", "attack, backward"),
    (CodecTarget, "query", "queries coded in threads"),
    (measure, "score", "metrics"),
    (Store, "append", "disk"),
    (Store, "save_picture", "disk"),
    (Store, "load_picture", "disk"),
)


@dataclass
class Spent:
    """What one activity took.

    Attributes:
        calls: how often it was begun.
        seconds: by the clock on the wall.
        waiting: how many of these this thread did not compute, but waited for other programs, other
            threads, the disk, or its turn on a busy machine.
    """

    calls: int = 0
    seconds: float = 0.0
    waiting: float = 0.0


class Clock:
    """Adds up what activities take, each without what is begun inside it; of one thread."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {_REST: Spent()}
        self._thread = threading.get_ident()
        self._open = [_REST]
        self._since = self._now()

    @contextmanager
    def at(self, activity: str) -> Iterator[None]:
        """Count what happens inside for an activity; nothing in another thread."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._turn()
        self.spent.setdefault(activity, Spent()).calls += 1
        self._open.append(activity)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def stop(self) -> None:
        """Count what happened until now."""
        self._turn()

    def _turn(self) -> None:
        now, spent = self._now(), self.spent[self._open[-1]]
        passed, computed = (new - old for new, old in zip(now, self._since, strict=True))
        spent.seconds += passed
        spent.waiting += max(0.0, passed - computed)
        self._since = now

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()


@contextmanager
def profiled(clock: Clock) -> Iterator[None]:
    """Count what a run does inside, of all codecs whose classes are loaded by now."""
    codecs = [
        (owner, name, activity)
        for owner in _below(Codec)
        for name, activity in (("encode", _ENCODING), ("decode", _DECODING))
        if name in vars(owner)
    ]
    with ExitStack() as wrapped:
        for owner, name, activity in (*_SEAMS, *codecs):
            wrapped.enter_context(_wrapped(owner, name, activity, clock))
        yield
    clock.stop()


def table(clock: Clock) -> Table:
    """Return a profile as a table, the largest first."""
    made = Table(title="where the time went", title_justify="left")
    for header in ("activity", "calls", "seconds", "share", "of which waiting"):
        made.add_column(header, justify="left" if header == "activity" else "right")
    total = sum(spent.seconds for spent in clock.spent.values())
    for activity, spent in sorted(clock.spent.items(), key=lambda one: -one[1].seconds):
        share, waiting = spent.seconds / total, spent.waiting / (spent.seconds or 1)
        calls = str(spent.calls or "")
        made.add_row(activity, calls, f"{spent.seconds:.2f}", f"{share:.1%}", f"{waiting:.0%}")
    made.add_section()
    made.add_row("all", "", f"{total:.2f}", "100.0%", "")
    return made


@contextmanager
def _wrapped(owner: Any, name: str, activity: str, clock: Clock) -> Iterator[None]:  # noqa: ANN401
    inner: Callable[..., Any] = getattr(owner, name)

    @wraps(inner)
    def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the seam takes
        with clock.at(activity):
            return inner(*args, **kwargs)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, inner)


def _below(base: type) -> Iterator[type]:
    derived: type
    for derived in base.__subclasses__():
        yield derived
        yield from _below(derived)
