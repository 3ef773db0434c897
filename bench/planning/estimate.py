"""How long a plan will take, roughly, before anything is run: to plan with, never to report.

A job costs its codec's seconds per megapixel times what it asks for; what defences add to that, but
for the draws of those that draw, and VMAF, about 0.2 s a cell, are not reckoned with. The tables
hold what was measured on a 2-core machine; other machines differ, and a run's own progress display
corrects itself as it goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.entry import Cost
from bench.planning.jobs import CraftJob, MeasureJob, Plan
from bench.planning.operating_point import OperatingPoint
from bench.registry.registry import entry
from bench.store.run_folder import Store

REFERENCE_CORES = 2
"""Of the machine that was measured on."""

_SCORING = 1.0
"""Seconds per megapixel for the metrics of one cell."""

_DRAWING = 0.1
"""Seconds per megapixel for a search that looks at no codec."""


def estimated_seconds(job: CraftJob | MeasureJob) -> float:
    """Return the expected seconds of one job on the reference machine."""
    height, width, _ = job.picture.pixels.shape
    megapixels = height * width / 1e6
    if isinstance(job, MeasureJob):
        return megapixels * (_SCORING + _cost(job.victim).coding)
    if job.budget.kind not in job.search.budgets:
        return 0.0
    once = sum(_asking(point, job) for point in job.sources)
    return megapixels * (_DRAWING + once * job.search.evaluations)


def remaining_seconds(plan: Plan, store: Store | None = None) -> float:
    """Return the expected seconds of all jobs that a run folder does not hold yet."""
    return sum(estimated_seconds(job) for job in jobs_without_record(plan, store))


def jobs_without_record(plan: Plan, store: Store | None = None) -> Iterable[CraftJob | MeasureJob]:
    """Yield the jobs that a run folder does not hold yet; all of them without one."""
    yield from (job for job in plan.crafts if store is None or job.key not in store.crafts)
    yield from (job for job in plan.cells if store is None or job.key not in store.measured)


def _asking(point: OperatingPoint, job: CraftJob) -> float:
    """Return the seconds per megapixel of one evaluation: a query, or a gradient of every draw."""
    if job.search.need == "queries":
        return _cost(point).coding
    return _cost(point).gradient * (job.draws if point.random else 1)


def _cost(point: OperatingPoint) -> Cost:
    return entry("codec", point.choice.name).cost
