"""A rough estimate of how long a plan takes, for planning only.

The time of a job is the codec's seconds per megapixel times the number of evaluations. The draws of
random defences, the codings of metrics and those of objectives that code a picture several times
are included. Left out are other costs of defences, VMAF (about 0.2 s per evaluation), and the
comparisons of budgets in a metric, of which one of ColorVideoVDP takes as long as many steps. The
costs were measured on a 2-core machine. The progress display of a run corrects the estimate with
measured times.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.budget import Unlimited
from bench.entry import Cost
from bench.planning.jobs import CraftJob, MeasureJob, Plan
from bench.planning.operating_point import OperatingPoint
from bench.registry.registry import entry, implementation
from bench.store.run_folder import Store
from bench.suite.suite import Suite

_SCORING = 1.0
"""Seconds per megapixel for the metrics of one evaluation."""

_NOISE = 0.1
"""Seconds per megapixel for a codec-independent search (noise)."""

_CODINGS = {"regenerated": 2, "time": 3}
"""How often a picture is coded for one value, by what the objective needs; otherwise once."""

_CORRUPTION = 0.25
"""Seconds per megapixel for a corruption, mean over the kinds."""


def estimated_seconds(job: CraftJob | MeasureJob) -> float:
    """Return the expected seconds of one job on the reference machine."""
    height, width, _ = job.picture.pixels.shape
    megapixels = height * width / 1e6
    if isinstance(job, MeasureJob):
        return megapixels * (_SCORING + _cost(job.victim).coding * (1 + job.codings))
    if job.budget.kind not in job.search.budgets:
        return 0.0
    evaluation = _codings(job) * sum(_evaluation_cost(source, job) for source in job.sources)
    drawing = _CORRUPTION if job.budget.kind == Unlimited.kind else _NOISE
    return megapixels * (drawing + evaluation * job.search.evaluations)


def left_out(suite: Suite) -> str:
    """Return what a suite needs that the estimate leaves out, in words; empty if nothing."""
    parts = [*(["VMAF"] if suite.vmaf else []), *(f"budgets in {n}" for n in suite.floor_metrics)]
    return " and ".join(parts)


def resources_seconds(plan: Plan) -> float:
    """Return the expected seconds of measuring time and memory under attack, at most.

    Each source picture is coded twice to be warm, and it and two adversarial pictures of each
    budget are coded three times for their time and once for their memory.
    """
    budgets = {str(job.budget) for job in plan.crafts if job.search.uses_target}
    clean = [
        cell for cell in plan.cells if cell.craft is None and not (cell.draw and cell.draw.number)
    ]
    codings = 2 + 4 * (1 + 2 * len(budgets))
    return codings * sum(
        cell.picture.pixels[..., 0].size / 1e6 * _cost(cell.victim).coding for cell in clean
    )


def remaining_seconds(plan: Plan, store: Store | None = None) -> float:
    """Return the expected seconds of all jobs without a record in the run folder."""
    return sum(estimated_seconds(job) for job in jobs_without_record(plan, store))


def jobs_without_record(plan: Plan, store: Store | None = None) -> Iterable[CraftJob | MeasureJob]:
    """Yield the jobs without a record in the run folder; all jobs if there is no folder."""
    yield from (job for job in plan.crafts if store is None or job.key not in store.crafts)
    yield from (job for job in plan.cells if store is None or job.key not in store.measured)


def _codings(job: CraftJob) -> int:
    """Return how often a picture is coded for one value of the objective."""
    if job.objective is None:
        return 1
    return _CODINGS.get(getattr(implementation("objective", job.objective.name), "needs", ""), 1)


def _evaluation_cost(point: OperatingPoint, job: CraftJob) -> float:
    """Return the seconds per megapixel of one query, or of the gradients of all draws."""
    if job.search.need == "queries":
        return _cost(point).coding
    return _cost(point).gradient * (job.draws if point.random else 1)


def _cost(point: OperatingPoint) -> Cost:
    return entry("codec", point.choice.name).cost
