"""What a plan is made of: jobs, and the order they are done in.

craft job     sources x picture x attack x objective x budget -> one 8-bit picture
measure job   one crafted picture (or the clean one) x one victim -> scores
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.budget import Budget
from bench.images.image_set import Picture
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.registry.registry import ComponentSpec
from bench.store.records import Threat
from bench.utils.precision import PLAIN, Arithmetic


@dataclass(frozen=True)
class CraftJob:
    """One search.

    Attributes:
        key: identifies the picture it finds.
        sources: what is searched on.
        picture: where it begins.
        search: the attack.
        objective: what it wants; None for noise.
        budget: how far it may go.
        seed: of its random numbers.
        draws: of random codecs so many count.
        arithmetic: how the surrogates of its sources compute.
    """

    key: str
    sources: tuple[OperatingPoint, ...]
    picture: Picture
    search: PlannedAttack
    objective: ComponentSpec | None
    budget: Budget
    seed: int
    draws: int
    arithmetic: Arithmetic = PLAIN


@dataclass(frozen=True)
class Draw:
    """One of the draws that a random codec is scored with, the same ones for every picture made.

    Attributes:
        number: from 0.
        seed: of its generator.
    """

    number: int
    seed: int


@dataclass(frozen=True)
class MeasureJob:
    """One cell; the clean picture if `craft` is None; the codec itself if `draw` is None."""

    key: str
    victim: OperatingPoint
    picture: Picture
    craft: CraftJob | None
    threat: Threat
    draw: Draw | None


@dataclass(frozen=True)
class Group:
    """One search (or the clean picture) and the cells that need its picture.

    Attributes:
        craft: the search.
        cells: what is measured.
        mates: all searches that are one batch with it, itself among them; none if it is alone.
    """

    craft: CraftJob | None
    cells: tuple[MeasureJob, ...]
    mates: tuple[CraftJob, ...] = ()

    @property
    def searches(self) -> tuple[CraftJob, ...]:
        """What has to be searched for its picture, in this order."""
        return self.mates or (() if self.craft is None else (self.craft,))

    @property
    def key(self) -> str:
        """What tells it apart: the key of its first job."""
        return self.cells[0].key if self.craft is None else self.craft.key


@dataclass(frozen=True)
class Plan:
    """Everything a suite asks for, in the order it is done."""

    groups: tuple[Group, ...] = field(repr=False)

    @property
    def crafts(self) -> list[CraftJob]:
        """The searches."""
        return [group.craft for group in self.groups if group.craft is not None]

    @property
    def cells(self) -> list[MeasureJob]:
        """The measurements."""
        return [cell for group in self.groups for cell in group.cells]


def describe_job(job: CraftJob | MeasureJob) -> str:
    """Return in a few words what a job does."""
    if isinstance(job, MeasureJob):
        made = "clean" if job.craft is None else str(job.craft.search.choice)
        return f"measure {job.victim.label} on {job.picture.name} ({made})"
    against = " + ".join(point.label for point in job.sources) or "no codec"
    wanted = f", {job.objective}" if job.objective is not None else ""
    return f"{job.search.choice} on {job.picture.name} against {against}{wanted}, {job.budget}"
