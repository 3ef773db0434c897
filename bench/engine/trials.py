"""Timed round trips: one, a warm one, and several kinds in turn.

All kinds that are compared take turns, so that each sees the same load of the machine. The caller
takes the fastest of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from statistics import fmean
from typing import NamedTuple, TypeVar

from bench.codec import Image
from bench.errors import MachineError
from bench.isolation.coder import Coder
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.utils.machine import others_running

ROUNDS = 3
"""Number of repetitions of each kind."""

Kind = TypeVar("Kind", bound=Hashable)


class Trial(NamedTuple):
    """One round trip.

    Attributes:
        encoding: seconds to encode.
        decoding: seconds to decode.
        load: number of other threads that were running when it began; None if that is not known.
    """

    encoding: float
    decoding: float
    load: int | None


def trial(coder: Coder, image: Image) -> Trial | None:
    """Return one round trip; None if the codec fails.

    Raises:
        MachineError: the machine ran out of memory or another resource.
    """
    load = others_running()
    coded = encode_decode(coder, image)
    if not isinstance(coded, RoundTrip):
        return None
    return Trial(coded.encode_seconds, coded.decode_seconds, load)


def warm_trial(coder: Coder, image: Image) -> Trial | None:
    """Return the second of two round trips: the first one loads what the codec needs."""
    return trial(coder, image) and trial(coder, image)


def in_turn(
    kinds: Mapping[Kind, Callable[[], Trial | None]], enough_s: float, rounds: int = ROUNDS
) -> dict[Kind, list[Trial] | None]:
    """Return the round trips of each kind; None for those that failed once.

    Kinds over which the machine ran out of a resource are left out: another time they may succeed.

    Args:
        kinds: how a round trip of each kind is made.
        enough_s: no further round begins after this time, in seconds.
        rounds: largest number of repetitions of each kind.
    """
    started = time.perf_counter()
    trials: dict[Kind, list[Trial | None]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        if number and time.perf_counter() - started > enough_s:
            break
        for kind in tuple(trials):
            if not _tried(trials[kind], kinds[kind]):
                del trials[kind]
    return {kind: _completed(some) for kind, some in trials.items()}


def _tried(trials: list[Trial | None], make: Callable[[], Trial | None]) -> bool:
    """Append a round trip, and return whether the machine had the resources for it."""
    try:
        trials.append(make())
    except MachineError:
        return False
    return True


def _completed(trials: list[Trial | None]) -> list[Trial] | None:
    """Return the round trips of a kind; None if one failed."""
    known = [one for one in trials if one is not None]
    return known if len(known) == len(trials) else None


def mean_load(trials: Iterable[Trial]) -> float | None:
    """Return the mean number of other threads; None if it is not known."""
    loads = [one.load for one in trials if one.load is not None]
    return fmean(loads) if loads else None
