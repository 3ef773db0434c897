"""The jobs of a plan, in the order in which they run.

craft job     sources x picture x attack x objective x budget -> one 8-bit adversarial picture
measure job   one adversarial or source picture x one victim -> scores
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.budget import Budget
from bench.images.image_set import Picture
from bench.planning.operating_point import OperatingPoint, PlannedAttack, joint_label
from bench.registry.component_spec import ComponentSpec
from bench.store.records import Threat
from bench.utils.precision import PLAIN, Arithmetic


@dataclass(frozen=True)
class CraftJob:
    """One search.

    Attributes:
        key: hash that identifies the result.
        sources: the codecs that are attacked jointly; empty for noise.
        picture: the source picture.
        search: the attack.
        objective: the objective; None for noise.
        budget: the budget of the perturbation.
        seed: seed of the random numbers.
        start: number of the search among those that differ only in their random numbers, from 0.
        draws: number of draws of a random source.
        arithmetic: arithmetic of the surrogates.
        parents: the searches of which the one with the highest value gives the start; empty for a
            random start.
    """

    key: str
    sources: tuple[OperatingPoint, ...]
    picture: Picture
    search: PlannedAttack
    objective: ComponentSpec | None
    budget: Budget
    seed: int
    start: int
    draws: int
    arithmetic: Arithmetic = PLAIN
    parents: tuple[CraftJob, ...] = ()


@dataclass(frozen=True)
class Draw:
    """One of the draws with which a random codec is scored; every attack gets the same draws.

    Attributes:
        number: number of the draw, from 0.
        seed: seed of its random generator.
    """

    number: int
    seed: int


@dataclass(frozen=True)
class MeasureJob:
    """One evaluation.

    Attributes:
        key: hash that identifies the result.
        victim: the codec that is scored.
        picture: the source picture.
        craft: the search that gives the adversarial picture; None to score the source picture.
        threat: the threat model of the evaluation.
        draw: the draw of a random codec; None for other codecs.
        codings: how often metrics encode and decode again, for estimates of time.
    """

    key: str
    victim: OperatingPoint
    picture: Picture
    craft: CraftJob | None
    threat: Threat
    draw: Draw | None
    codings: float = 0.0


@dataclass(frozen=True)
class Group:
    """One search and the evaluations of its picture, or the evaluations of a source picture.

    Attributes:
        craft: the search; None for a source picture.
        cells: the evaluations.
        mates: all searches of its batch, including itself; empty if it runs alone.
    """

    craft: CraftJob | None
    cells: tuple[MeasureJob, ...]
    mates: tuple[CraftJob, ...] = ()

    @property
    def searches(self) -> tuple[CraftJob, ...]:
        """The searches that give its picture, in this order."""
        return self.mates or (() if self.craft is None else (self.craft,))

    @property
    def parents(self) -> tuple[str, ...]:
        """The keys of the searches whose pictures its searches start from."""
        return tuple(parent.key for job in self.searches for parent in job.parents)

    @property
    def key(self) -> str:
        """A unique key: that of its first job."""
        return self.cells[0].key if self.craft is None else self.craft.key


@dataclass(frozen=True)
class Plan:
    """All jobs of a suite, in the order in which they run."""

    groups: tuple[Group, ...] = field(repr=False)

    @property
    def crafts(self) -> list[CraftJob]:
        """The searches."""
        return [group.craft for group in self.groups if group.craft is not None]

    @property
    def cells(self) -> list[MeasureJob]:
        """The evaluations."""
        return [cell for group in self.groups for cell in group.cells]

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all jobs."""
        return frozenset([job.key for job in self.crafts] + [cell.key for cell in self.cells])


def describe_job(job: CraftJob | MeasureJob) -> str:
    """Return a short description of a job."""
    if isinstance(job, MeasureJob):
        attack = "clean" if job.craft is None else str(job.craft.search.choice)
        return f"measure {job.victim.label} on {job.picture.name} ({attack})"
    sources = joint_label(job.sources)
    target = f"against {sources}" if sources else "(codec-independent)"
    objective = f", {job.objective}" if job.objective is not None else ""
    return f"{job.search.choice} on {job.picture.name} {target}{objective}, {job.budget}"
