"""The jobs of one work item, computed one after another; nothing is written to disk.

    WorkItem --search--> CraftResult --evaluations--> MeasureRecord, MeasureRecord, ...

All executors compute here, so results do not depend on the executor. `bench.engine.runner` stores
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bench.attack import Attack, Objective
from bench.codec import Codec, Image
from bench.crafting.result import CraftResult
from bench.errors import MachineError, one_line
from bench.images.image_set import Picture
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import CoderPool
from bench.planning.jobs import CraftJob, Draw, MeasureJob
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.registry.component_spec import ComponentSpec
from bench.scoring.measure import coder_spec, coder_to_score, measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord
from bench.utils.machine import raise_if_disk_full


@dataclass(frozen=True)
class Postponed:
    """A job that the machine could not do: it ran out of memory or another resource.

    Attributes:
        key: key of the job.
        reason: one sentence.
    """

    key: str
    reason: str


JobEvent: TypeAlias = CraftJob | MeasureJob | CraftResult | MeasureRecord | Postponed
"""A job that starts now, or what came of one."""


@dataclass(frozen=True)
class WorkItem:
    """The remaining work of one group: a search, the evaluations of its picture, or both.

    Attributes:
        searches: the search of the group and the others of its batch; empty if the result is known
            or the group has no search.
        attacked: the known adversarial picture, uint8 (H, W, 3), or the record of the search if it
            found none. None if it is still to be searched, and for the clean picture.
        cells: the evaluations.
        starts: the pictures that the searches start from, uint8 (H, W, 3); None for a random start.
    """

    searches: tuple[CraftJob, ...]
    attacked: Image | CraftRecord | None
    cells: tuple[MeasureJob, ...]
    starts: tuple[Image | None, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The source pictures of all its jobs."""
        jobs = self.searches or self.cells[:1]
        return tuple(job.picture for job in jobs)


class Components(Protocol):
    """The codecs, attacks and objectives of a suite, as `JobRunner` needs them."""

    @property
    def terms(self) -> ScoringSpec:
        """The suite's specification of scoring."""
        ...

    @property
    def witness_picture(self) -> str:
        """The name of the picture that each codec also decodes in another process."""
        ...

    def codec(self, point: OperatingPoint) -> Codec:
        """Return the codec of an operating point, the same object on every call."""
        ...

    def attack(self, choice: ComponentSpec) -> Attack:
        """Return an attack."""
        ...

    def objective(self, choice: ComponentSpec) -> Objective:
        """Return an objective."""
        ...


def victim(components: Components, cell: MeasureJob, pool: CoderPool | None) -> Coder:
    """Return the codec that an evaluation scores.

    Args:
        components: codecs, attacks and objectives.
        cell: the evaluation.
        pool: the processes in which foreign codecs encode and decode, and in which every codec
            decodes damaged bitstreams; None to code everything in this process.
    """
    isolated = None if pool is None else pool.coder(coder_spec(cell, cell.victim.fingerprint))
    if isolated is not None and cell.victim.choice.is_foreign:
        return isolated
    return coder_to_score(components.codec(cell.victim), cell.draw, isolated)


class JobRunner:
    """Runs searches and evaluations; does not use the run folder.

    Args:
        components: codecs, attacks and objectives.
        cached_pictures: number of source pictures whose clean results are kept in memory; the
            pictures of a batch are used in turn.
        pool: the processes in which foreign codecs encode and decode, and in which every codec
            decodes its witness picture and damaged bitstreams; None to code everything in this
            process.
    """

    def __init__(
        self, components: Components, cached_pictures: int = 1, pool: CoderPool | None = None
    ) -> None:
        self._components = components
        self._cached_pictures = cached_pictures
        self._pool = pool
        self._clean_results: dict[
            str, dict[tuple[str, Draw | None], RoundTrip | CodingFailure]
        ] = {}

    def run(self, item: WorkItem) -> Iterator[JobEvent]:
        """Run one work item; yield each job when it starts and then what came of it."""
        attacked = item.attacked
        needed = {cell.craft.key for cell in item.cells if cell.craft is not None}
        yield from item.searches
        for crafted in self._craft(item.searches, item.starts):
            yield crafted
            if isinstance(crafted, Postponed):
                continue
            if crafted.record.key in needed:
                attacked = crafted.record if crafted.image is None else crafted.image
        if attacked is None and needed:
            return
        for cell in item.cells:
            yield cell
            yield self._measure(cell, attacked)

    def _craft(
        self, jobs: Sequence[CraftJob], starts: Sequence[Image | None]
    ) -> Sequence[CraftResult | Postponed]:
        if not jobs:
            return []
        from bench.crafting.craft import craft  # noqa: PLC0415 - imports torch

        job = jobs[0]
        sources = [self._components.codec(point) for point in job.sources]
        attack = self._components.attack(job.search.choice)
        objective = None if job.objective is None else self._components.objective(job.objective)
        try:
            return craft(jobs, sources, attack, objective, starts)
        except MachineError as error:
            raise_if_disk_full()
            return [Postponed(one.key, one_line(error)) for one in jobs]

    def _measure(
        self, cell: MeasureJob, attacked: Image | CraftRecord | None
    ) -> MeasureRecord | Postponed:
        try:
            coder, witness = self._coders(cell)
            clean = self._clean(cell, coder)
            return measure(cell, coder, clean, attacked, self._components.terms, witness)
        except MachineError as error:
            raise_if_disk_full()
            return Postponed(cell.key, one_line(error))

    def _coders(self, cell: MeasureJob) -> tuple[Coder, Coder | None]:
        """Return the victim, and the witness of its clean evaluation on the witness picture."""
        coder = victim(self._components, cell, self._pool)
        is_witness = cell.picture.name == self._components.witness_picture
        if self._pool is None or not is_witness or cell.craft is not None:
            return coder, None
        return coder, self._pool.coder(coder_spec(cell, cell.victim.fingerprint))

    def _clean(self, cell: MeasureJob, coder: Coder) -> RoundTrip | CodingFailure:
        """Code each source picture once; keep the results of the pictures used last."""
        results = self._clean_results.pop(cell.picture.name, {})
        if len(self._clean_results) == self._cached_pictures:
            del self._clean_results[next(iter(self._clean_results))]
        self._clean_results[cell.picture.name] = results
        if (key := (cell.victim.label, cell.draw)) not in results:
            results[key] = encode_decode(coder, cell.picture.pixels)
        return results[key]
