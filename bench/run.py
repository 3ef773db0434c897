"""A plan -> records: the one loop that crafts, measures and stores, resuming where it stopped.

for event in execute(prepared, store): ...      what is being done, and every new record
"""

from __future__ import annotations

import itertools
import os
import platform
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from bench import __version__, registry, vmaf
from bench.attack import Attack, Objective
from bench.baselines import with_baselines
from bench.codec import Codec, Image, Randomised
from bench.craft import Crafted, craft
from bench.digest import digest
from bench.errors import ConfigError, StoreError
from bench.images import Picture, load, pixel_hash
from bench.jobs import CraftJob, Draw, Group, MeasureJob, Plan
from bench.measure import Coded, Lost, Terms, code, measure
from bench.plan import plan
from bench.point import Point, Search
from bench.record import CraftRecord, MeasureRecord
from bench.registry import Choice
from bench.store import Manifest, Store
from bench.suite import Suite
from bench.wrapping import drawn, offers_gradients

Event: TypeAlias = CraftJob | MeasureJob | CraftRecord | MeasureRecord
"""A job that starts now, or a record that is on disk now."""

_VERSIONS = ("torch", "compressai", "numpy", "pillow", "scikit-image", "pytorch-msssim")


@dataclass(frozen=True)
class Prepared:
    """A suite with everything it names made and read, and the plan that follows from it."""

    suite: Suite
    plan: Plan
    pictures: tuple[Picture, ...]
    codecs: dict[str, Codec]
    attacks: dict[str, Attack]
    objectives: dict[str, Objective]
    points: tuple[Point, ...]


def prepare(suite: Suite, base: Path) -> Prepared:
    """Make the codecs and attacks of a suite, read its pictures and plan its jobs.

    Args:
        suite: what to do.
        base: where its relative picture folders are looked up first.

    Raises:
        BenchError: a codec cannot be had on this machine, or a picture cannot be read.
    """
    settle(suite.compute.threads)
    points, searches = with_baselines(suite)
    pictures = tuple(load(suite.images, base))
    codecs = {str(choice): make_codec(choice) for choice in points}
    attacks = {str(choice): make_attack(choice) for choice in searches}
    objectives = {str(choice): _objective(choice) for choice in suite.climbed}
    _check_regions(suite, pictures)
    seen = tuple(_point(choice, codecs[str(choice)]) for choice in points)
    planned = plan(
        suite,
        seen,
        [search_of(choice, attacks[str(choice)]) for choice in searches],
        pictures,
    )
    return Prepared(suite, planned, pictures, codecs, attacks, objectives, seen)


def settle(threads: int) -> None:
    """Fix what would make two runs differ, or crawl on denormal numbers."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def describe(prepared: Prepared) -> Manifest:
    """Return the manifest of a run."""
    suite = prepared.suite.model_dump(mode="json")
    return Manifest(
        suite=suite,
        suite_sha256=digest(suite),
        plan_sha256=plan_digest(prepared.plan),
        cells=len(prepared.plan.cells),
        codecs={point.label: point.fingerprint for point in prepared.points},
        gradients=tuple(point.label for point in prepared.points if point.differentiable),
        random=tuple(point.label for point in prepared.points if point.random),
        pictures={picture.name: picture.sha256 for picture in prepared.pictures},
        notes={picture.name: picture.note for picture in prepared.pictures if picture.note},
        versions=versions(prepared.suite),
        machine=machine(),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def plan_digest(planned: Plan) -> str:
    """Return the hash of everything a plan does."""
    return digest(
        [
            *((job.key, str(job.search.choice), str(job.objective)) for job in planned.crafts),
            *((job.key, job.victim.label, job.threat) for job in planned.cells),
        ]
    )


def versions(suite: Suite) -> dict[str, str]:
    """Return the versions of what computes the numbers."""
    return {
        "bench": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _VERSIONS},
        **({"vmaf": vmaf.version()} if suite.vmaf else {}),
    }


def machine() -> dict[str, str]:
    """Return what computes the numbers here."""
    return {"system": platform.platform(), "cores": str(os.cpu_count())}


def execute(prepared: Prepared, store: Store) -> Iterator[Event]:
    """Do what is not yet done, in the order of the plan, yielding jobs and then their records."""
    workshop = _Workshop(prepared, store)
    for group in prepared.plan.groups:
        yield from workshop.do(group)


@dataclass
class _Workshop:
    prepared: Prepared
    store: Store
    cleaned: dict[tuple[str, str, Draw | None], Coded | Lost] = field(default_factory=dict)

    def do(self, group: Group) -> Iterator[Event]:
        todo = [cell for cell in group.cells if cell.key not in self.store.measured]
        if not todo and (group.craft is None or group.craft.key in self.store.crafts):
            return
        attacked: Image | CraftRecord | None = None
        if group.craft is not None:
            attacked = yield from self.obtain(group.craft)
        for cell in todo:
            yield cell
            record = self.measure(cell, attacked)
            self.store.append(record)
            yield record

    def obtain(self, job: CraftJob) -> Generator[Event, None, Image | CraftRecord]:
        """Return the adversarial picture, from disk or by searching, or why there is none."""
        done = self.store.crafts.get(job.key)
        if done is not None and done.status != "ok":
            return done
        image = self.store.load_picture(job.key) if done is not None else None
        if done is not None and image is not None and pixel_hash(image) == done.sha256:
            return image
        yield job
        crafted = self.craft(job)
        if crafted.image is not None:
            self.store.save_picture(job.key, crafted.image)
        if done is None:
            self.store.append(crafted.record)
            yield crafted.record
        elif crafted.record.sha256 != done.sha256:
            raise StoreError(
                f"adversarial/{job.key}.png was lost or altered, and searching again found"
                " another picture than the one that was scored; start a new folder with --out"
            )
        return crafted.record if crafted.image is None else crafted.image

    def craft(self, job: CraftJob) -> Crafted:
        sources = [self.prepared.codecs[point.label] for point in job.sources]
        attack = self.prepared.attacks[str(job.search.choice)]
        wanted = None if job.objective is None else self.prepared.objectives[str(job.objective)]
        return craft(job, sources, attack, wanted)

    def measure(self, cell: MeasureJob, attacked: Image | CraftRecord | None) -> MeasureRecord:
        codec = scored(self.prepared.codecs[cell.victim.label], cell.draw)
        clean = self.clean(cell, codec)
        suite = self.prepared.suite
        return measure(cell, codec, clean, attacked, Terms(suite.rd_lambda, suite.vmaf))

    def clean(self, cell: MeasureJob, codec: Codec) -> Coded | Lost:
        """Code each source picture once; only one picture's are kept at a time."""
        key = (cell.picture.name, cell.victim.label, cell.draw)
        if key not in self.cleaned:
            if all(name != cell.picture.name for name, _, _ in self.cleaned):
                self.cleaned.clear()
            self.cleaned[key] = code(codec, cell.picture.pixels)
        return self.cleaned[key]


def scored(codec: Codec, draw: Draw | None) -> Codec:
    """Return the codec that is scored: itself, or one draw of it."""
    return codec if draw is None else drawn(codec, np.random.default_rng(draw.seed))


def make_codec(choice: Choice) -> Codec:
    """Make the codec that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no codec that can be scored.
    """
    codec = registry.build("codec", choice)
    if not isinstance(codec, Codec):
        raise ConfigError(f"the codec '{choice}' is no bench.codec.Codec; derive it from that")
    return codec


def make_attack(choice: Choice) -> Attack:
    """Make the attack that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no attack.
    """
    attack = registry.build("attack", choice)
    if not isinstance(attack, Attack):
        raise ConfigError(f"the attack '{choice}' lacks what bench.attack.Attack asks for")
    return attack


def _check_regions(suite: Suite, pictures: Iterable[Picture]) -> None:
    """See that every region a budget names lies inside every picture."""
    regions = [spec.region for spec in suite.budgets if spec.region is not None]
    for picture, region in itertools.product(pictures, regions):
        height, width, _ = picture.pixels.shape
        if region.top + region.height > height or region.left + region.width > width:
            raise ConfigError(
                f"the region {region} is not inside the picture '{picture.name}' of"
                f" {height}x{width} (height x width)"
            )


def _objective(choice: Choice) -> Objective:
    objective: Objective = registry.build("objective", choice)
    return objective


def _point(choice: Choice, codec: Codec) -> Point:
    random = isinstance(codec, Randomised)
    return Point(choice, codec.fingerprint(), offers_gradients(codec), random)


def search_of(choice: Choice, attack: Attack) -> Search:
    """Return an attack as planning sees it."""
    return Search(choice, attack.needs, attack.budgets, attack.version, attack.evaluations)
