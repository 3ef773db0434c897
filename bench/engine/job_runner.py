"""What is left of a group -> its picture and its records, one after another. Writes nothing.

    Task --search--> Crafted --cells--> MeasureRecord, MeasureRecord, ...

Everything that computes stands here, so that it is the same wherever it runs; what stores is
`bench.engine.runner`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from bench.attack import Attack, Objective
from bench.codec import Codec, Image
from bench.crafting.craft import CraftResult, craft
from bench.images.image_set import Picture
from bench.planning.jobs import CraftJob, Draw, MeasureJob
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.registry.registry import ComponentSpec
from bench.scoring.measure import measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord
from bench.wrapping import drawn

JobEvent: TypeAlias = CraftJob | MeasureJob | CraftResult | MeasureRecord
"""A job that starts now, or what came of one."""


@dataclass(frozen=True)
class WorkItem:
    """What is left to do of one group: a search, the cells that need its picture, or both.

    Attributes:
        searches: what is to be searched at once, the search of its cells among it; none where the
            outcome of that is known, or there is none.
        attacked: the picture that is known; or the record of the search that gave none; None where
            it is to be searched, and for the clean picture.
        cells: what is to be measured.
    """

    searches: tuple[CraftJob, ...]
    attacked: Image | CraftRecord | None
    cells: tuple[MeasureJob, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The source pictures of all its jobs."""
        jobs = self.searches or self.cells[:1]
        return tuple(job.picture for job in jobs)


class Components(Protocol):
    """Where a workshop has its codecs and attacks from."""

    @property
    def terms(self) -> ScoringSpec:
        """What the suite says of scoring."""
        ...

    def codec(self, point: OperatingPoint) -> Codec:
        """Return the codec of an operating point, always the same one."""
        ...

    def attack(self, choice: ComponentSpec) -> Attack:
        """Return an attack."""
        ...

    def objective(self, choice: ComponentSpec) -> Objective:
        """Return an objective."""
        ...


class JobRunner:
    """Crafts and measures with the tools it is given; knows no run folder.

    Args:
        tools: where codecs and attacks come from.
        kept: of how many source pictures the clean results stay; those of a batch are used in turn.
    """

    def __init__(self, tools: Components, kept: int = 1) -> None:
        self._tools = tools
        self._kept = kept
        self._cleaned: dict[str, dict[tuple[str, Draw | None], RoundTrip | CodingFailure]] = {}

    def run(self, task: WorkItem) -> Iterator[JobEvent]:
        """Do one task, yielding each job and then what came of it."""
        attacked = task.attacked
        wanted = {cell.craft.key for cell in task.cells if cell.craft is not None}
        yield from task.searches
        for crafted in self._craft(task.searches):
            yield crafted
            if crafted.record.key in wanted:
                attacked = crafted.record if crafted.image is None else crafted.image
        for cell in task.cells:
            yield cell
            yield self._measure(cell, attacked)

    def _craft(self, jobs: Sequence[CraftJob]) -> list[CraftResult]:
        if not jobs:
            return []
        job = jobs[0]
        sources = [self._tools.codec(point) for point in job.sources]
        attack = self._tools.attack(job.search.choice)
        wanted = None if job.objective is None else self._tools.objective(job.objective)
        return craft(jobs, sources, attack, wanted)

    def _measure(self, cell: MeasureJob, attacked: Image | CraftRecord | None) -> MeasureRecord:
        codec = scored(self._tools.codec(cell.victim), cell.draw)
        return measure(cell, codec, self._clean(cell, codec), attacked, self._tools.terms)

    def _clean(self, cell: MeasureJob, codec: Codec) -> RoundTrip | CodingFailure:
        """Code each source picture once; the pictures that were used last are kept."""
        cleaned = self._cleaned.pop(cell.picture.name, {})
        if len(self._cleaned) == self._kept:
            del self._cleaned[next(iter(self._cleaned))]
        self._cleaned[cell.picture.name] = cleaned
        if (key := (cell.victim.label, cell.draw)) not in cleaned:
            cleaned[key] = encode_decode(codec, cell.picture.pixels)
        return cleaned[key]


def scored(codec: Codec, draw: Draw | None) -> Codec:
    """Return the codec that is scored: itself, or one draw of it."""
    return codec if draw is None else drawn(codec, np.random.default_rng(draw.seed))
