"""Codecs and attacks as planning sees them: what can change their results, and what they offer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bench.attack import Need
from bench.registry import Choice, signature


@dataclass(frozen=True)
class Point:
    """One operating point as planning sees it.

    Attributes:
        choice: its name and parameters.
        fingerprint: what its codec says of itself.
        differentiable: whether it offers gradients.
        random: whether it draws random numbers.
    """

    choice: Choice
    fingerprint: str
    differentiable: bool
    random: bool = False

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @cached_property
    def identity(self) -> list[object]:
        """What can change its output: what it says of itself, its name and its parameters."""
        return [self.fingerprint, self.choice.name, signature("codec", self.choice)]

    def guards(self, other: Point) -> bool:
        """Tell whether it is the other one behind defences."""
        return bool(self.choice.defence) and not other.choice.defence and self._bare == other._bare

    @cached_property
    def _bare(self) -> list[object]:
        return [self.choice.name, signature("codec", self.choice.bare)]


@dataclass(frozen=True)
class Search:
    """An attack as planning sees it; see `bench.attack.Attack` for what the attributes mean."""

    choice: Choice
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int

    @cached_property
    def identity(self) -> list[object]:
        """What can change what it finds: its name, its version and its parameters."""
        return [self.choice.name, self.version, signature("attack", self.choice)]

    @property
    def looks(self) -> bool:
        """Whether it asks a codec anything."""
        return self.need != "nothing"

    @property
    def queries(self) -> int:
        """How many queries of each picture it declares."""
        return self.evaluations if self.need == "queries" else 0
