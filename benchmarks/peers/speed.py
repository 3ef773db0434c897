"""Print the time to damage of every attack of a suite: CPU seconds until most of it is done.

    python benchmarks/peers/suite.py --times 4 --pictures kodim13 > speed.yaml
    python benchmarks/peers/speed.py speed.yaml > docs/time_to_damage.md

Every search runs as in `bench run`, in this process, with a clock around its target. The clock is
the CPU time of the process and stands still while this script does its own work. Each time a search
finds a better picture inside the budget, by its own values, the picture is kept with its time.
Afterwards some of these pictures are rounded, encoded and decoded, and their damage is measured:
loss of PSNR in dB, additional bits per pixel or R-D cost at the lambda of the suite. The members of
an ensemble run one after the other; what a member starts from is not counted twice. Time to damage
is the time until 90 % of the final damage, of the attack itself and of `standard`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np
from watched import Clock, Found, Watch, WatchedAttack

from bench.attack import Attack
from bench.codec import Codec, Image
from bench.crafting.craft import craft
from bench.engine.runner import Prepared, prepare
from bench.isolation.coder import LocalCoder
from bench.metrics.scores import mse, psnr_of, rd_cost
from bench.planning.jobs import CraftJob
from bench.registry.component_spec import AT_SOURCE
from bench.registry.registry import Component
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.suite.suite import load_suite
from bench.utils.machine import describe_machine
from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.render.markdown import table

SHARE = 0.9
"""The share of the final damage that counts."""

MOST_CODED = 16
"""Pictures of one search that are encoded and decoded."""

OURS = "standard"

LIBRARIES = ("adv_lib.attacks", "torchattacks", "tmla.attacks")


Curve = list[tuple[float, float]]
"""Times, and the damage of the attack if it ended then: that of the picture that the search holds
to be the best, or of an earlier member of the ensemble."""

NOTHING: Curve = [(0.0, 0.0)]
"""The curve of an attack that has not begun."""

Pictures = dict[str, tuple[float, Image]]
"""The highest value and the final picture of searches, by key."""

Case = tuple[str, str, str, str]
"""Model, picture, budget and objective."""


def time_to(curve: Curve, damage: float) -> float | None:
    """Return the first time with at least this damage; None if it is never reached."""
    return next((seconds for seconds, reached in curve if reached >= damage), None)


def thinned(found: Sequence[Found], most: int = MOST_CODED) -> list[Found]:
    """Return some of the pictures, more from the beginning, with the first and the last one."""
    if len(found) <= most:
        return list(found)
    places = np.unique(np.geomspace(1, len(found), most).round().astype(int)) - 1
    return [found[place] for place in places]


def damage(codec: Codec, job: CraftJob, picture: Image, lmbda: float) -> float:
    """Return the damage of a picture beyond that of the source picture, by real bytes."""
    objective = _objective(job)

    def value(image: Image) -> float:
        coded = encode_decode(LocalCoder(codec), image)
        if not isinstance(coded, RoundTrip):
            return np.inf
        if objective == "rate":
            return coded.bpp
        error = mse(job.picture.pixels, coded.image)
        return -psnr_of(error) if objective == "distortion" else rd_cost(coded.bpp, error, lmbda)

    return value(picture) - value(job.picture.pixels)


def curves(prepared: Prepared) -> dict[Case, dict[str, Curve]]:
    """Return the damage over time of every attack in every case.

    The libraries are imported first, and the first search runs once without a clock, so that nobody
    pays for what only the first one needs.
    """
    made: dict[Case, dict[str, Curve]] = defaultdict(dict)
    for module in LIBRARIES:
        with suppress(ImportError):
            import_module(module)
    lmbda = prepared.suite.rd_lambda
    jobs = [job for job in prepared.plan.crafts if job.objective and _is_possible(job, lmbda)]
    pictures: Pictures = {}
    _search(prepared, jobs[0], pictures)
    for job in jobs:
        case = job.sources[0].label, job.picture.name, str(job.budget), _objective(job)
        name = ensemble_of(str(job.search.choice))
        found = _search(prepared, job, pictures)
        made[case][name] = _extended(made[case].get(name, NOTHING), prepared, job, found)
        sys.stderr.write(f"{job.search.choice}, {', '.join(case)}\n")
    return dict(made)


def _is_possible(job: CraftJob, lmbda: float) -> bool:
    """Return whether a search can be run, and does not maximise J at another lambda."""
    signature = {} if job.objective is None else cast("Component", job.objective).signature
    return job.budget.kind in job.search.budgets and signature.get("lmbda", lmbda) == lmbda


def _objective(job: CraftJob) -> str:
    """Return the name of a search's objective without its parameters."""
    return str(job.objective).partition(" ")[0]


def _search(
    prepared: Prepared, job: CraftJob, pictures: dict[str, tuple[float, Image]]
) -> list[Found]:
    """Run a search; return what it found, its final picture last.

    Args:
        prepared: the suite.
        job: the search.
        pictures: the highest values and the final pictures of searches by key; its own are added.
    """
    assert job.objective is not None
    attack = prepared.attack(job.search.choice)
    watched = WatchedAttack(attack, Watch(Clock()), getattr(attack, "steps", 0))
    start = _start(job, pictures)
    codecs = [prepared.codec(point) for point in job.sources]
    objective = prepared.objective(job.objective)
    (result,) = craft([job], codecs, cast("Attack", watched), objective, start)
    if result.image is None:
        raise SystemExit(f"{job.search.choice} on {job.picture.name}: {result.record.reason}")
    pictures[job.key] = result.record.values[-1], result.image
    return [*thinned(watched.watch.found), Found(watched.watch.seconds, result.image)]


def _start(job: CraftJob, found: Pictures) -> list[Image]:
    """Return the picture that a search starts from, if it does not start at random."""
    if job.search.choice.start_from == AT_SOURCE:
        return [job.picture.pixels]
    parents = [found[parent.key] for parent in job.parents]
    return [max(parents, key=itemgetter(0))[1]] if parents else []


def _extended(curve: Curve, prepared: Prepared, job: CraftJob, found: Sequence[Found]) -> Curve:
    """Return the curve of an attack after one more search, that of a member of an ensemble."""
    (before, least), codec = curve[-1], prepared.codec(job.sources[0])
    longer = list(curve)
    for one in found:
        reached = damage(codec, job, one.picture, prepared.suite.rd_lambda)
        longer.append((before + one.seconds, max(least, reached)))
    return longer


HEAD = """\
# Time to damage

This page compares how fast the ensemble `standard` in its cheap mode and attacks of others, with
four times the gradients that it spends before extensions, do damage. The clock is the CPU time of
the search with one thread. The damage is measured on real bitstreams: loss of PSNR in dB,
additional bits per pixel, or R-D cost.
The page is written by these commands (see benchmarks/peers/README.md):

    python benchmarks/peers/suite.py --times 4 --pictures kodim13 > speed.yaml
    python benchmarks/peers/speed.py speed.yaml > docs/time_to_damage.md

- **CPU seconds**: median of the whole search.
- **to 90 % of its own damage**: median time until the attack reached 90 % of its final damage.
- **reaches 90 % of ours**: cases in which the attack ever reached 90 % of the final damage of
  `standard`. The next columns are medians over these cases.
- **to 90 % of ours**: time until then. **ratio to ours**: that time by the time of `standard`.

Models: {models}. Pictures: {pictures}, {height}x{width}. Budgets: {budgets}.
Processor: {processor}.
"""
"""The beginning of the page."""


def head(prepared: Prepared) -> str:
    """Return the title, what the columns mean, and what was attacked."""
    plan = prepared.plan
    height, width, _ = prepared.pictures[0].pixels.shape
    return HEAD.format(
        models=", ".join(dict.fromkeys(job.sources[0].label for job in plan.crafts if job.sources)),
        pictures=", ".join(picture.name for picture in prepared.pictures),
        height=height,
        width=width,
        budgets=", ".join(dict.fromkeys(str(job.budget) for job in plan.crafts)),
        processor=describe_machine()["processor"],
    )


def page(found: Mapping[Case, Mapping[str, Curve]]) -> Iterator[str]:
    """Yield a title and a table for each objective."""
    for objective in dict.fromkeys(case[3] for case in found):
        cases = [attacks for case, attacks in found.items() if case[3] == objective]
        names = dict.fromkeys(name for attacks in cases for name in attacks)
        yield f"## {objective}"
        headers = ("attack", "cases", "CPU seconds", "to 90 % of its own damage")
        more = ("reaches 90 % of ours", "to 90 % of ours", "ratio to ours")
        lines = [_line(name, [a for a in cases if name in a]) for name in names]
        yield table((*headers, *more), [False, *[True] * 6], lines)


def _line(name: str, cases: Sequence[Mapping[str, Curve]]) -> tuple[str, ...]:
    curves_ = [attacks[name] for attacks in cases]
    own = [time_to(curve, SHARE * curve[-1][1]) for curve in curves_]
    pairs = [_both(attacks, name) for attacks in cases]
    reached = [(theirs, ours) for theirs, ours in pairs if theirs is not None and ours]
    return (
        *(name, str(len(cases)), f"{median(curve[-1][0] for curve in curves_):.2f}"),
        _median([seconds for seconds in own if seconds is not None]),
        f"{len(reached)}/{len(pairs)}",
        _median([theirs for theirs, _ in reached]),
        _median([theirs / ours for theirs, ours in reached]),
    )


def _both(attacks: Mapping[str, Curve], name: str) -> tuple[float | None, float | None]:
    """Return the times of an attack and of ours to most of our final damage."""
    ours = next(curve for label, curve in attacks.items() if label.startswith(OURS))
    most = SHARE * ours[-1][1]
    return time_to(attacks[name], most), time_to(ours, most)


def _median(values: Sequence[float]) -> str:
    return f"{median(values):.2f}" if values else "–"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the searches and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite", type=Path, help="with `standard` among its attacks")
    parsed = parser.parse_args(arguments)
    prepared = prepare(load_suite(parsed.suite), parsed.suite.parent)
    sys.stdout.write("\n".join((head(prepared), "\n\n".join(page(curves(prepared))), "")))


if __name__ == "__main__":
    main()
