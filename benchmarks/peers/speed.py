"""Print the time to damage of every attack of a suite: CPU seconds until most of it is done.

    python benchmarks/peers/suite.py --times 4 --pictures kodim13 kodim23 > speed.yaml
    python benchmarks/peers/speed.py speed.yaml

Every search runs as in `bench run`, in this process, with a clock around its target. The clock is
the CPU time of the process and stands still while this script does its own work. Each time a search
finds a better picture inside the budget, by its own values, the picture is kept with its time.
Afterwards some of these pictures are rounded, encoded and decoded, and their damage is measured:
loss of PSNR in dB, additional bits per pixel or R-D cost. The members of an ensemble run one after
the other. Time to damage is the time until 90 % of the final damage, of the attack itself and of
`standard`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Need, Target, WarmStarting
from bench.budget import Budget
from bench.codec import Codec, Image
from bench.crafting.craft import craft
from bench.engine.runner import Prepared, prepare
from bench.isolation.coder import LocalCoder
from bench.metrics.scores import mse, psnr_of, rd_cost
from bench.planning.jobs import CraftJob
from bench.scoring.roundtrip import RoundTrip, encode_decode
from bench.suite.suite import load_suite
from bench.tensors import to_image
from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.render.markdown import table

SHARE = 0.9
"""The share of the final damage that counts."""

MOST_CODED = 16
"""Pictures of one search that are encoded and decoded."""

OURS = "standard"

LIBRARIES = ("adv_lib.attacks", "torchattacks", "tmla.attacks")


@dataclass(frozen=True)
class Found:
    """A picture that was the best so far.

    Attributes:
        seconds: CPU time of the search until then.
        picture: rounded, uint8 (H, W, 3).
    """

    seconds: float
    picture: Image


class Clock:
    """CPU time of this process, without the work of this script."""

    def __init__(self) -> None:
        self._started = time.process_time()
        self._own = 0.0

    def seconds(self) -> float:
        """Return the time so far."""
        return time.process_time() - self._started - self._own

    def leave_out(self, since: float) -> None:
        """Leave out the time since a value of `seconds`."""
        self._own += self.seconds() - since


class WatchedTarget:
    """A target that keeps every picture that is better than all before, with its time."""

    def __init__(self, target: Target, source: Tensor, budget: Budget, clock: Clock) -> None:
        self._target = target
        self._source = source
        self._budget = budget
        self._clock = clock
        self._best = -np.inf
        self.found: list[Found] = []

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and gradients of one picture."""
        values, gradients = self._target.value_and_grad(images)
        self._keep(images, float(values[0]))
        return values, gradients

    def value(self, images: Tensor) -> Tensor:
        """Return the value of one picture."""
        values = self._target.value(images)
        self._keep(images, float(values[0]))
        return values

    def around(self, source: Tensor) -> Target:
        """Return a target around other pictures, which is not watched."""
        return self._target.around(source)

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of coded pictures."""
        values = self._target.query(images, owners)
        best = int(values.argmax())
        picture = (
            torch.from_numpy(images[best].copy()).permute(2, 0, 1)[None].to(self._source) / 255
        )
        self._keep(picture, float(values[best]))
        return values

    def _keep(self, images: Tensor, value: float) -> None:
        now = self._clock.seconds()
        if value > self._best and bool(self._budget.allows(images, self._source)[0]):
            self._best = value
            levels = self._budget.rounded(images.detach().cpu(), self._source.cpu())
            self.found.append(Found(now, to_image(levels.float() / 255)))
        self._clock.leave_out(now)


@dataclass
class Watch:
    """What a search found, and its CPU time in seconds."""

    clock: Clock
    found: list[Found] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class WatchedAttack:
    """An attack on a watched target, with as many steps as the harness wants.

    Attributes:
        attack: the attack.
        watch: what its search found.
        steps: its number of steps; 0 if it has none. The harness replaces it to extend a search.
    """

    attack: Attack
    watch: Watch
    steps: int

    @property
    def needs(self) -> Need:
        """What the attack needs."""
        return self.attack.needs

    @property
    def budgets(self) -> tuple[str, ...]:
        """The kinds of budget that it supports."""
        return self.attack.budgets

    @property
    def version(self) -> int:
        """Its version."""
        return self.attack.version

    @property
    def evaluations(self) -> int:
        """Its largest number of evaluations."""
        return self._attack.evaluations

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Run the attack."""
        with self._watched(target, images, budget) as watched:
            return self._attack(watched, images, budget, rngs)

    def from_pictures(
        self, target: Target, images: Tensor, budget: Budget, start: Tensor
    ) -> AttackResult:
        """Run the attack from given pictures."""
        with self._watched(target, images, budget) as watched:
            return cast("WarmStarting", self._attack).from_pictures(watched, images, budget, start)

    @property
    def _attack(self) -> Attack:
        attack: Any = self.attack
        return replace(attack, steps=self.steps) if self.steps else self.attack

    @contextmanager
    def _watched(self, target: Target, images: Tensor, budget: Budget) -> Iterator[WatchedTarget]:
        watched = WatchedTarget(target, images, budget, self.watch.clock)
        try:
            yield watched
        finally:
            self.watch.found += watched.found
            self.watch.seconds = self.watch.clock.seconds()


Curve = list[tuple[float, float]]
"""Times, and the damage of the attack if it ended then: that of the picture that the search holds
to be the best, or of an earlier member of the ensemble."""

NOTHING: Curve = [(0.0, 0.0)]
"""The curve of an attack that has not begun."""

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
    jobs = [job for job in prepared.plan.crafts if job.objective and _is_possible(job)]
    pictures: dict[str, Image] = {}
    _search(prepared, jobs[0], pictures)
    for job in jobs:
        case = job.sources[0].label, job.picture.name, str(job.budget), _objective(job)
        name = ensemble_of(str(job.search.choice))
        found = _search(prepared, job, pictures)
        made[case][name] = _extended(made[case].get(name, NOTHING), prepared, job, found)
        sys.stderr.write(f"{job.search.choice}, {', '.join(case)}\n")
    return dict(made)


def _is_possible(job: CraftJob) -> bool:
    return job.budget.kind in job.search.budgets


def _objective(job: CraftJob) -> str:
    """Return the name of a search's objective without its parameters."""
    return str(job.objective).partition(" ")[0]


def _search(prepared: Prepared, job: CraftJob, pictures: dict[str, Image]) -> list[Found]:
    """Run a search; return what it found, its final picture last.

    Args:
        prepared: the suite.
        job: the search.
        pictures: the final pictures of searches by key, to which its own is added.
    """
    assert job.objective is not None
    attack = prepared.attack(job.search.choice)
    watched = WatchedAttack(attack, Watch(Clock()), getattr(attack, "steps", 0))
    start = [] if job.parent is None else [pictures.get(job.parent.key)]
    codecs = [prepared.codec(point) for point in job.sources]
    objective = prepared.objective(job.objective)
    (result,) = craft([job], codecs, cast("Attack", watched), objective, start)
    if result.image is None:
        raise SystemExit(f"{job.search.choice} on {job.picture.name}: {result.record.reason}")
    pictures[job.key] = result.image
    return [*thinned(watched.watch.found), Found(watched.watch.seconds, result.image)]


def _extended(curve: Curve, prepared: Prepared, job: CraftJob, found: Sequence[Found]) -> Curve:
    """Return the curve of an attack after one more search, that of a member of an ensemble."""
    (before, least), codec = curve[-1], prepared.codec(job.sources[0])
    longer = list(curve)
    for one in found:
        reached = damage(codec, job, one.picture, prepared.suite.rd_lambda)
        longer.append((before + one.seconds, max(least, reached)))
    return longer


def page(found: Mapping[Case, Mapping[str, Curve]]) -> Iterator[str]:
    """Yield a title and a table for each objective."""
    for objective in dict.fromkeys(case[3] for case in found):
        cases = [attacks for case, attacks in found.items() if case[3] == objective]
        names = dict.fromkeys(name for attacks in cases for name in attacks)
        yield f"### Time to damage: {objective}"
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
    sys.stdout.write("\n\n".join(page(curves(prepared))) + "\n")


if __name__ == "__main__":
    main()
