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
    """Return one round trip; None if the codec fails."""
    load = others_running()
    try:
        coded = encode_decode(coder, image)
    except MachineError:
        return None
    if not isinstance(coded, RoundTrip):
        return None
    return Trial(coded.encode_seconds, coded.decode_seconds, load)


def warm_trial(coder: Coder, image: Image) -> Trial | None:
    """Return the second of two round trips: the first one loads what the codec needs."""
    return trial(coder, image) and trial(coder, image)


def in_turn(
    kinds: Mapping[Kind, Callable[[], Trial | None]], enough_s: float
) -> dict[Kind, list[Trial]]:
    """Return the round trips of each kind that never failed.

    Args:
        kinds: how a round trip of each kind is made.
        enough_s: no further round begins after this time, in seconds.
    """
    started = time.perf_counter()
    trials: dict[Kind, list[Trial | None]] = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        if number and time.perf_counter() - started > enough_s:
            break
        for kind, make in kinds.items():
            trials[kind].append(make())
    return completed(trials)


def completed(trials: Mapping[Kind, list[Trial | None]]) -> dict[Kind, list[Trial]]:
    """Return the kinds that never failed."""
    known = {kind: [one for one in some if one is not None] for kind, some in trials.items()}
    return {kind: some for kind, some in known.items() if len(some) == len(trials[kind])}


def mean_load(trials: Iterable[Trial]) -> float | None:
    """Return the mean number of other threads; None if it is not known."""
    loads = [one.load for one in trials if one.load is not None]
    return fmean(loads) if loads else None
