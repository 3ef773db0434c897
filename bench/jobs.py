"""What a plan is made of: operating points, searches, jobs, and the order they are done in.

craft job     sources x picture x attack x objective x budget -> one 8-bit picture
measure job   one crafted picture (or the clean one) x one victim -> scores
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.attack import Need
from bench.budget import Budget
from bench.images import Picture
from bench.record import Threat
from bench.registry import Choice, signature


@dataclass(frozen=True)
class Point:
    """One operating point as planning sees it.

    Attributes:
        choice: its name and parameters.
        fingerprint: what its codec says of itself.
        differentiable: whether it offers gradients.
    """

    choice: Choice
    fingerprint: str
    differentiable: bool

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @property
    def identity(self) -> list[object]:
        """What can change its output: what it says of itself, its name and its parameters."""
        return [self.fingerprint, self.choice.name, signature("codec", self.choice)]


@dataclass(frozen=True)
class Search:
    """An attack as planning sees it; see `bench.attack.Attack` for what the attributes mean."""

    choice: Choice
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int

    @property
    def looks(self) -> bool:
        """Whether it asks a codec anything."""
        return self.need != "nothing"

    @property
    def queries(self) -> int:
        """How many queries of each picture it declares."""
        return self.evaluations if self.need == "queries" else 0


@dataclass(frozen=True)
class CraftJob:
    """One search; `key` identifies the picture it finds."""

    key: str
    sources: tuple[Point, ...]
    picture: Picture
    search: Search
    objective: Choice | None
    budget: Budget
    seed: int


@dataclass(frozen=True)
class MeasureJob:
    """One cell; the clean picture if `craft` is None."""

    key: str
    victim: Point
    picture: Picture
    craft: CraftJob | None
    threat: Threat


@dataclass(frozen=True)
class Group:
    """One search (or the clean picture) and the cells that need its picture."""

    craft: CraftJob | None
    cells: tuple[MeasureJob, ...]


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
