"""Print how long a suite takes on how many cores, from what its steps take here.

    python docs/scripts/cluster.py [SUITE]          linf8-v1 by default

Each codec's gradients, coding and scoring are timed on the suite's first picture, in seconds of a
core (of other programs, too), so that a busy machine does little harm, and again and again until
there is something to measure, however small the picture; others count by their pixels. Nothing is
searched.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from bench.codec import Codec, Image
from bench.crafting.target import CodecTarget
from bench.engine.runner import Prepared, prepare
from bench.planning.jobs import CraftJob, Group, MeasureJob
from bench.planning.operating_point import OperatingPoint
from bench.scoring.roundtrip import CodingFailure, encode_decode
from bench.scoring.score import score
from bench.suite.bundled import named_suite
from bench.tensors import to_tensor

WORKERS = (1, 2, 8, 16, 64)
ENOUGH, LONGEST = 0.15, 2.0


@dataclass(frozen=True)
class Steps:
    """What one operating point takes, in core-seconds a megapixel.

    Attributes:
        gradients: of each objective by its label; none without gradients.
        coding: encoding and decoding.
        scoring: the metrics of a cell.
    """

    gradients: dict[str, float]
    coding: float
    scoring: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", nargs="?", default="linf8-v1")
    prepared = prepare(*named_suite(parser.parse_args().suite))
    steps = {point.label: _steps(prepared, point) for point in prepared.points}
    for line in chain(_steps_table(steps), [""], _sizing_table(prepared, steps)):
        print(line)


def _steps(prepared: Prepared, point: OperatingPoint) -> Steps:
    codec, picture = prepared.codecs[point.label], prepared.pictures[0].pixels
    megapixels = picture[..., 0].size / 1e6
    coded = encode_decode(codec, picture)
    if isinstance(coded, CodingFailure):
        raise SystemExit(f"{point.label} does not code the first picture: {coded.reason}")
    terms = prepared.terms
    return Steps(
        _gradients(prepared, codec, picture, megapixels) if point.differentiable else {},
        _seconds(lambda: encode_decode(codec, picture)) / megapixels,
        _seconds(lambda: score(codec, picture, picture, coded, replace(coded), terms)) / megapixels,
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
    before, began, rounds = _computed(), time.perf_counter(), 0
    while True:
        work()
        rounds += 1
        spent = _computed() - before
        if spent >= ENOUGH or time.perf_counter() - began >= LONGEST:
            return spent / rounds


def _computed() -> float:
    """Return the core-seconds of this process and of the programs that ended under it."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _steps_table(steps: dict[str, Steps]) -> list[str]:
    objectives = list(dict.fromkeys(chain(*(one.gradients for one in steps.values()))))
    rows = [
        f"| {label} | "
        + " | ".join(f"{one.gradients[o]:.2f}" if o in one.gradients else "" for o in objectives)
        + f" | {one.coding:.2f} | {one.scoring:.2f} |"
        for label, one in steps.items()
    ]
    headers = [f"gradient, {objective}" for objective in objectives]
    return [
        f"| core-seconds a megapixel | {' | '.join(headers)} | encode, decode | metrics |",
        f"|---|{'--:|' * (len(headers) + 2)}",
        *rows,
    ]


def _sizing_table(prepared: Prepared, steps: dict[str, Steps]) -> list[str]:
    groups = [_group(group, steps) for group in prepared.plan.groups]
    total, longest, cells = sum(groups), max(groups), len(prepared.plan.cells)
    searching = sum(_search(job, steps) for job in prepared.plan.crafts)
    rows = []
    for workers in WORKERS:
        hours = max(total / workers, longest) / 3600
        rows.append(f"| {workers} | {hours:.2f} | {cells / hours:,.0f} |")
    return [
        f"{prepared.suite.name}: {cells:,} cells, {len(groups):,} groups, {total / 3600:.1f}"
        f" core-hours, {searching / total:.0%} of them searching; the longest group takes"
        f" {longest / 60:.1f} min.",
        "",
        f"| workers of {prepared.suite.compute.threads} thread(s) | hours | cells an hour |",
        "|--:|--:|--:|",
        *rows,
    ]


def _group(group: Group, steps: dict[str, Steps]) -> float:
    search = 0.0 if group.craft is None else _search(group.craft, steps)
    return search + sum(_cell(cell, steps) for cell in group.cells)


def _search(job: CraftJob, steps: dict[str, Steps]) -> float:
    if job.budget.kind not in job.search.budgets or not job.sources:
        return 0.0
    once = sum(
        steps[point.label].coding
        if job.search.need == "queries"
        else steps[point.label].gradients[str(job.objective)] * (job.draws if point.random else 1)
        for point in job.sources
    )
    return once * job.search.evaluations * job.picture.pixels[..., 0].size / 1e6


def _cell(cell: MeasureJob, steps: dict[str, Steps]) -> float:
    one = steps[cell.victim.label]
    return (one.coding + one.scoring) * cell.picture.pixels[..., 0].size / 1e6


if __name__ == "__main__":
    main()
