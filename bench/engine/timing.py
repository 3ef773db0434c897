"""How long the codecs of a run take: warm, on a megapixel, all in turn, when the run is done.

    picture, repeated to 1024x1024 --every codec, round after round--> Timings

The times in the records are no measure of this. They are of small pictures, so that the start of
a program or the first call of a model is most of them, and other searches run at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from bench.codec import Image
from bench.engine.job_runner import victim
from bench.engine.runner import Prepared
from bench.engine.trials import ROUNDS, Trial, in_turn, mean_load, trial, warm_trial
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import CoderPool
from bench.planning.jobs import Plan
from bench.planning.operating_point import OperatingPoint
from bench.registry.registry import entry
from bench.store.run_folder import Store
from bench.store.timings import Timing, Timings

SIDE = 1024
"""Height and width of the picture that is timed, in pixels."""

WARM_UP_SIDE = 256
"""Height and width of the picture of the warm-up."""

_ENOUGH_S = 20.0
"""No further round begins after this time, in seconds."""

_SLOW_S = 120.0
"""Codecs that need longer for the picture, in seconds, are timed on the small one: what a call
costs besides its pixels no longer counts in their times."""


def is_timed(prepared: Prepared, store: Store) -> bool:
    """Return whether the times of all codecs that could code a source picture were measured."""
    return codecs_to_time(prepared, store) <= store.timings.keys()


def measure_timings(prepared: Prepared, store: Store, pool: CoderPool) -> None:
    """Measure how long each codec takes that could code a source picture, and store it.

    The times of a codec that fails on the larger picture are None. A codec over which the machine
    runs out of a resource is left out, so that the next run measures all of them again.

    Args:
        prepared: the suite and its plan.
        store: the run folder, in which the records are.
        pool: the processes in which foreign codecs encode and decode.

    Raises:
        StoreError: the times cannot be stored.
        BenchError: the disk is full.
    """
    labels = codecs_to_time(prepared, store)
    cells = {cell.victim.label: cell for cell in prepared.plan.cells if cell.craft is None}
    coders = {
        label: victim(prepared, cell, pool) for label, cell in cells.items() if label in labels
    }
    store.save_timings(_timings(coders, prepared.pictures[0].pixels))


def expected_timing_seconds(plan: Plan) -> float:
    """Return how long the timing of a plan's codecs is expected to take, in seconds."""
    costs = {cell.victim.label: _cost(cell.victim) for cell in plan.cells}
    small, large = (side**2 / 1e6 for side in (WARM_UP_SIDE, SIDE))
    warming = sum(2 * small * cost for cost in costs.values())
    once = sum(large * cost for cost in costs.values() if large * cost <= _SLOW_S)
    rounds = min(ROUNDS, 1 + int(_ENOUGH_S / once)) if once else 0
    return warming + rounds * once


def _cost(point: OperatingPoint) -> float:
    """Return the expected seconds per megapixel of coding."""
    return entry("codec", point.choice.name).cost.coding


def codecs_to_time(prepared: Prepared, store: Store) -> set[str]:
    """Return the labels of the codecs that coded a source picture."""
    records = [store.measured.get(cell.key) for cell in prepared.plan.cells if cell.craft is None]
    return {record.victim for record in records if record is not None and record.status == "ok"}


def _timings(coders: Mapping[str, Coder], picture: Image) -> Timings:
    small, large = _repeated(picture, WARM_UP_SIDE), _repeated(picture, SIDE)
    warming = {label: partial(warm_trial, coder, small) for label, coder in coders.items()}
    warm = in_turn(warming, _ENOUGH_S, rounds=1)
    pixels = {label: _pixels(trials[0]) for label, trials in warm.items() if trials}
    fast = [label for label in pixels if pixels[label] == SIDE**2]
    trials = {label: some for label, some in warm.items() if label not in fast}
    trials |= in_turn({label: partial(trial, coders[label], large) for label in fast}, _ENOUGH_S)
    return {
        label: _timing(pixels[label], some) if some else None
        for label, some in ((label, trials[label]) for label in coders if label in trials)
    }


def _repeated(picture: Image, side: int) -> Image:
    """Return a square picture, uint8 (side, side, 3): the picture, mirrored at its edges."""
    height, width, _ = picture.shape
    more = ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
    return np.ascontiguousarray(np.pad(picture, more, mode="symmetric")[:side, :side])


def _pixels(warm: Trial) -> int:
    """Return the number of pixels of the picture on which a codec is timed."""
    expected = (warm.encoding + warm.decoding) * (SIDE / WARM_UP_SIDE) ** 2
    return WARM_UP_SIDE**2 if expected > _SLOW_S else SIDE**2


def _timing(pixels: int, trials: list[Trial]) -> Timing:
    return Timing(
        pixels=pixels,
        encoding=tuple(one.encoding for one in trials),
        decoding=tuple(one.decoding for one in trials),
        load=mean_load(trials),
    )
