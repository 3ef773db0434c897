"""Estimate how long a suite takes on different numbers of cores, from timings on this machine.

    python docs/measurements/cluster.py [SUITE]          linf8-v2 by default

The script times the gradients, the coding and the scoring of each codec on the first picture of the
suite. It measures core-seconds, including those of child programs, so that other load hardly
matters, and repeats each step until the time is long enough to measure. Other pictures are scaled
by their number of pixels. No search runs. The tables are printed, not written to a page.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from bench.codec import Codec, Image
from bench.crafting.target import CodecTarget
from bench.engine.runner import Prepared, prepare
from bench.isolation.coder import LocalCoder
from bench.planning.jobs import CraftJob, Group, MeasureJob
from bench.planning.operating_point import OperatingPoint
from bench.scoring.roundtrip import CodingFailure, encode_decode
from bench.scoring.score import score
from bench.suite.bundled import named_suite
from bench.tensors import to_tensor

WORKERS = (1, 2, 8, 16, 64)
ENOUGH, LONGEST = 0.15, 2.0
"""Core-seconds that suffice for a measurement, and the longest time that it may take."""


@dataclass(frozen=True)
class Steps:
    """The time of one operating point, in core-seconds per megapixel.

    Attributes:
        gradients: of one gradient, by objective; empty for codecs without gradients.
        coding: of encoding and decoding.
        scoring: of the metrics of one evaluation.
    """

    gradients: dict[str, float]
    coding: float
    scoring: float


def main() -> None:
    """Measure the steps and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", nargs="?", default="linf8-v2")
    prepared = prepare(*named_suite(parser.parse_args().suite))
    steps = {point.label: _steps(prepared, point) for point in prepared.points}
    for line in chain(_steps_table(steps), [""], _sizing_table(prepared, steps)):
        print(line)


def _steps(prepared: Prepared, point: OperatingPoint) -> Steps:
    codec, picture = prepared.codecs[point.label], prepared.pictures[0].pixels
    megapixels = picture[..., 0].size / 1e6
    coder = LocalCoder(codec)
    coded = encode_decode(coder, picture)
    if isinstance(coded, CodingFailure):
        raise SystemExit(f"{point.label} fails on the first picture: {coded.reason}")
    spec = prepared.terms
    return Steps(
        _gradients(prepared, codec, picture, megapixels) if point.differentiable else {},
        _seconds(lambda: encode_decode(coder, picture)) / megapixels,
        _seconds(lambda: score(coder, picture, picture, coded, replace(coded), spec)) / megapixels,
    )


def _gradients(
    prepared: Prepared, codec: Codec, picture: Image, megapixels: float
) -> dict[str, float]:
    source = to_tensor(picture)
    near = (source + 0.01).clamp(0, 1)
    targets = {
        label: CodecTarget(codec, objective, source)
        for label, objective in prepared.objectives.items()
    }
    return {
        label: _seconds(partial(target.value_and_grad, near)) / megapixels
        for label, target in targets.items()
    }


def _seconds(work: Callable[[], object]) -> float:
    work()
    before, start, rounds = _core_seconds(), time.perf_counter(), 0
    while True:
        work()
        rounds += 1
        spent = _core_seconds() - before
        if spent >= ENOUGH or time.perf_counter() - start >= LONGEST:
            return spent / rounds


def _core_seconds() -> float:
    """Return the core-seconds of this process and of its finished child programs."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _steps_table(steps: dict[str, Steps]) -> list[str]:
    objectives = list(dict.fromkeys(chain(*(point.gradients for point in steps.values()))))
    headers = [f"gradient, {objective}" for objective in objectives]
    return [
        f"| core-seconds a megapixel | {' | '.join(headers)} | encode, decode | metrics |",
        f"|---|{'--:|' * (len(headers) + 2)}",
        *(_steps_line(label, point, objectives) for label, point in steps.items()),
    ]


def _steps_line(label: str, point: Steps, objectives: Sequence[str]) -> str:
    known = point.gradients
    gradients = (f"{known[o]:.2f}" if o in known else "" for o in objectives)
    return f"| {label} | {' | '.join(gradients)} | {point.coding:.2f} | {point.scoring:.2f} |"


def _sizing_table(prepared: Prepared, steps: dict[str, Steps]) -> list[str]:
    groups = [_group(group, steps) for group in prepared.plan.groups]
    total, longest, evaluations = sum(groups), max(groups), len(prepared.plan.cells)
    searching = sum(_search(job, steps) for job in prepared.plan.crafts)
    rows = []
    for workers in WORKERS:
        hours = max(total / workers, longest) / 3600
        rows.append(f"| {workers} | {hours:.2f} | {evaluations / hours:,.0f} |")
    return [
        f"{prepared.suite.name}: {evaluations:,} evaluations, {len(groups):,} groups,"
        f" {total / 3600:.1f} core-hours, {searching / total:.0%} of them for searches; the longest"
        f" group takes {longest / 60:.1f} min.",
        "",
        f"| workers of {prepared.suite.compute.threads} thread(s) | hours | evaluations an hour |",
        "|--:|--:|--:|",
        *rows,
    ]


def _group(group: Group, steps: dict[str, Steps]) -> float:
    search = 0.0 if group.craft is None else _search(group.craft, steps)
    return search + sum(_evaluation(job, steps) for job in group.cells)


def _search(job: CraftJob, steps: dict[str, Steps]) -> float:
    if job.budget.kind not in job.search.budgets or not job.sources:
        return 0.0
    per_step = sum(
        steps[point.label].coding
        if job.search.need == "queries"
        else steps[point.label].gradients[str(job.objective)] * (job.draws if point.random else 1)
        for point in job.sources
    )
    return per_step * job.search.evaluations * job.picture.pixels[..., 0].size / 1e6


def _evaluation(job: MeasureJob, steps: dict[str, Steps]) -> float:
    point = steps[job.victim.label]
    return (point.coding + point.scoring) * job.picture.pixels[..., 0].size / 1e6


if __name__ == "__main__":
    main()
