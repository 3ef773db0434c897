"""What is left of a group -> its picture and its records, one after another. Writes nothing.

    Task --search--> Crafted --cells--> MeasureRecord, MeasureRecord, ...

Everything that computes stands here, so that it is the same wherever it runs; what stores is
`bench.run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from bench.attack import Attack, Objective
from bench.codec import Codec, Image
from bench.craft import Crafted, craft
from bench.images import Picture
from bench.jobs import CraftJob, Draw, MeasureJob
from bench.measure import Coded, Lost, code, measure
from bench.point import Point
from bench.record import CraftRecord, MeasureRecord
from bench.registry import Choice
from bench.terms import Terms
from bench.wrapping import drawn

Made: TypeAlias = CraftJob | MeasureJob | Crafted | MeasureRecord
"""A job that starts now, or what came of one."""


@dataclass(frozen=True)
class Task:
    """What is left to do of one group: a search, the cells that need its picture, or both.

    Attributes:
        search: what is to be searched; None where its outcome is known, or there is none.
        attacked: the picture that is known; or the record of the search that gave none; None where
            it is to be searched, and for the clean picture.
        cells: what is to be measured.
    """

    search: CraftJob | None
    attacked: Image | CraftRecord | None
    cells: tuple[MeasureJob, ...]

    @property
    def picture(self) -> Picture:
        """The one source picture of all its jobs."""
        return (self.search or self.cells[0]).picture


class Tools(Protocol):
    """Where a workshop has its codecs and attacks from."""

    @property
    def terms(self) -> Terms:
        """What the suite says of scoring."""
        ...

    def codec(self, point: Point) -> Codec:
        """Return the codec of an operating point, always the same one."""
        ...

    def attack(self, choice: Choice) -> Attack:
        """Return an attack."""
        ...

    def objective(self, choice: Choice) -> Objective:
        """Return an objective."""
        ...


class Workshop:
    """Crafts and measures with the tools it is given; knows no run folder."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._cleaned: dict[tuple[str, str, Draw | None], Coded | Lost] = {}

    def do(self, task: Task) -> Iterator[Made]:
        """Do one task, yielding each job and then what came of it."""
        attacked = task.attacked
        if task.search is not None:
            yield task.search
            crafted = self._craft(task.search)
            yield crafted
            attacked = crafted.record if crafted.image is None else crafted.image
        for cell in task.cells:
            yield cell
            yield self._measure(cell, attacked)

    def _craft(self, job: CraftJob) -> Crafted:
        sources = [self._tools.codec(point) for point in job.sources]
        attack = self._tools.attack(job.search.choice)
        wanted = None if job.objective is None else self._tools.objective(job.objective)
        return craft(job, sources, attack, wanted)

    def _measure(self, cell: MeasureJob, attacked: Image | CraftRecord | None) -> MeasureRecord:
        codec = scored(self._tools.codec(cell.victim), cell.draw)
        return measure(cell, codec, self._clean(cell, codec), attacked, self._tools.terms)

    def _clean(self, cell: MeasureJob, codec: Codec) -> Coded | Lost:
        """Code each source picture once; only one picture's are kept at a time."""
        key = (cell.picture.name, cell.victim.label, cell.draw)
        if key not in self._cleaned:
            if all(name != cell.picture.name for name, _, _ in self._cleaned):
                self._cleaned.clear()
            self._cleaned[key] = code(codec, cell.picture.pixels)
        return self._cleaned[key]


def scored(codec: Codec, draw: Draw | None) -> Codec:
    """Return the codec that is scored: itself, or one draw of it."""
    return codec if draw is None else drawn(codec, np.random.default_rng(draw.seed))
