"""From a suite to its plan and its records.

prepared = prepare(suite, base)                 components, pictures, plan
for event in execute(prepared, store): ...      every job that starts and every new record
"""

from __future__ import annotations

import itertools
import platform
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from bench import __version__
from bench.attack import Attack, Objective
from bench.codec import Codec
from bench.crafting.result import CraftResult
from bench.engine.attempts import POSTPONED, Attempts, failures, find_job
from bench.engine.job_runner import JobEvent, JobRunner, Postponed, WorkItem
from bench.engine.resume import Event, commit, is_pending, is_ready, remaining_work
from bench.errors import ConfigError
from bench.images.image_set import Picture, load
from bench.isolation.coder_pool import CoderPool
from bench.metrics import vmaf
from bench.planning.baselines import with_baselines
from bench.planning.jobs import CraftJob, Group, MeasureJob, Plan
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.planning.planner import plan
from bench.planning.resolve import (
    check_floors,
    make_attack,
    make_codec,
    make_objective,
    operating_point,
    planned_attack,
    scoring_spec,
)
from bench.planning.searches import SEARCHING_VERSION
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import versions_of
from bench.store.manifest import Manifest
from bench.store.records import MeasureRecord
from bench.store.run_folder import Store
from bench.suite.fields import Rectangle
from bench.suite.suite import Suite
from bench.utils.hashing import digest
from bench.utils.machine import configure_threads, describe_machine
from bench.utils.precision import require_compiler

_VERSIONS = ("torch", "compressai", "numpy", "pillow", "scikit-image", "pytorch-msssim")


@dataclass(frozen=True)
class Prepared:
    """A suite with its components, its pictures and its plan.

    Attributes:
        suite: the suite.
        plan: its jobs.
        pictures: its source pictures.
        codecs: its codecs, by label, with the lossless reference.
        attacks: its attacks, by label, with noise.
        objectives: its objectives, by label.
        points: the operating points of its codecs.
        terms: its specification of scoring.
    """

    suite: Suite
    plan: Plan
    pictures: tuple[Picture, ...]
    codecs: dict[str, Codec]
    attacks: dict[str, Attack]
    objectives: dict[str, Objective]
    points: tuple[OperatingPoint, ...]
    terms: ScoringSpec

    @property
    def witness_picture(self) -> str:
        """The name of the first picture."""
        return self.pictures[0].name

    @property
    def has_foreign_code(self) -> bool:
        """Whether a codec, attack, objective or metric is not the harness's own."""
        suite = self.suite
        metrics = (named.choice for named in self.terms.named_metrics)
        lists = (suite.operating_points, suite.all_attacks, suite.all_objectives, metrics)
        return any(component.is_foreign for component in itertools.chain(*lists))

    def codec(self, point: OperatingPoint) -> Codec:
        """Return the codec of an operating point."""
        return self.codecs[point.label]

    def attack(self, choice: ComponentSpec) -> Attack:
        """Return an attack of the suite."""
        return self.attacks[str(choice)]

    def objective(self, choice: ComponentSpec) -> Objective:
        """Return an objective of the suite."""
        return self.objectives[str(choice)]


def prepare(suite: Suite, base: Path) -> Prepared:
    """Make the components of a suite, read its pictures and plan its jobs.

    Args:
        suite: the suite.
        base: folder in which relative paths of pictures are resolved first.

    Raises:
        BenchError: a component is not available on this machine, or a picture cannot be read.
    """
    configure_threads(suite.compute.threads)
    require_compiler(suite.compute.arithmetic)
    points, searches = with_baselines(suite)
    pictures = tuple(load(suite.images, base))
    codecs = {str(choice): make_codec(choice) for choice in points}
    attacks = {str(choice): make_attack(choice) for choice in searches}
    objectives = {str(choice): make_objective(choice) for choice in suite.all_objectives}
    terms = scoring_spec(suite)
    check_floors(suite)
    _check_regions(suite, pictures)
    operating_points = tuple(operating_point(choice, codecs[str(choice)]) for choice in points)
    planned = plan(
        suite,
        operating_points,
        [planned_attack(choice, attacks[str(choice)]) for choice in searches],
        pictures,
        terms,
    )
    return Prepared(suite, planned, pictures, codecs, attacks, objectives, operating_points, terms)


def describe(prepared: Prepared) -> Manifest:
    """Return the manifest of a run that starts now on this machine."""
    suite = prepared.suite.model_dump(mode="json")
    return Manifest(
        suite=suite,
        suite_sha256=digest(suite),
        plan_sha256=plan_digest(prepared.plan),
        cells=len(prepared.plan.cells),
        codecs={point.label: point.fingerprint for point in prepared.points},
        gradients=tuple(point.label for point in prepared.points if point.differentiable),
        random=tuple(point.label for point in prepared.points if point.random),
        searching=SEARCHING_VERSION,
        pictures={picture.name: picture.sha256 for picture in prepared.pictures},
        notes={picture.name: picture.note for picture in prepared.pictures if picture.note},
        versions=versions(prepared.suite),
        machine=describe_machine(),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def plan_digest(planned: Plan) -> str:
    """Return the hash of all jobs of a plan, in their order."""
    return digest(
        [
            *((job.key, str(job.search.choice), str(job.objective)) for job in planned.crafts),
            *((job.key, job.victim.label, job.threat) for job in planned.cells),
        ]
    )


def versions(suite: Suite) -> dict[str, str]:
    """Return the versions of the packages and programs that compute the numbers, by name."""
    return {
        "bench": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _VERSIONS},
        **({"vmaf": vmaf.version()} if suite.vmaf else {}),
        **_optional_versions(suite),
    }


def _optional_versions(suite: Suite) -> dict[str, str]:
    """Return the versions of what only some metrics, objectives and budgets need."""
    found: dict[str, str] = {}
    for choice in (*suite.named_metrics, *suite.all_objectives):
        found |= versions_of(choice.kind, choice.name)
    for name in suite.floor_metrics:
        found |= versions_of("metric", name)
    return found


def execute(
    prepared: Prepared, store: Store, pool: CoderPool | None = None
) -> Generator[Event, None, None]:
    """Run the jobs without a record, in the order of the plan; yield jobs and then their records.

    Args:
        prepared: the suite and its plan.
        store: the run folder.
        pool: other processes in which codecs decode, see `bench.engine.job_runner.JobRunner`.

    Raises:
        BenchError: a record cannot be written, or the disk is full.
    """
    runner = JobRunner(prepared, prepared.suite.compute.batch, pool)
    attempts = Attempts()
    postponed: list[Group] = []
    for group in prepared.plan.groups:
        if is_pending(group, store) and is_ready(group, store):
            yield from _execute_group(runner, group, store, attempts)
        if is_pending(group, store):
            postponed.append(group)
    for group in postponed:
        while is_pending(group, store):
            yield from _execute_group(runner, group, store, attempts)


def _execute_group(
    runner: JobRunner, group: Group, store: Store, attempts: Attempts
) -> Iterator[Event]:
    item = remaining_work(group, store)
    for event in runner.run(item):
        for result in _results(event, item, attempts):
            shown = commit(result, store)
            if shown is not None:
                yield shown


def _results(
    event: JobEvent, item: WorkItem, attempts: Attempts
) -> Sequence[CraftJob | MeasureJob | CraftResult | MeasureRecord]:
    """Return an event, or what is to be recorded for a job that could not be done."""
    if not isinstance(event, Postponed):
        return [event]
    job = find_job(item, event.key)
    return failures(job, item, event.reason) if attempts.fail(job) >= POSTPONED else []


def _check_regions(suite: Suite, pictures: Sequence[Picture]) -> None:
    """Check that the region of every budget lies inside every picture; name all others."""
    for spec in suite.budgets:
        outside = [picture for picture in pictures if not _has(spec.region, picture)]
        if outside:
            shapes = ((picture.name, picture.pixels.shape) for picture in outside)
            sizes = (f"'{name}' of {height}x{width}" for name, (height, width, _) in shapes)
            raise ConfigError(
                f"the region {spec.region} is not inside the picture {', '.join(sizes)}"
                " (height x width)"
            )


def _has(region: Rectangle | None, picture: Picture) -> bool:
    """Return whether a region, if there is one, lies inside a picture."""
    if region is None:
        return True
    height, width = picture.pixels.shape[:2]
    return region.top + region.height <= height and region.left + region.width <= width
