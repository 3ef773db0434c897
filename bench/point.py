"""Codecs and attacks as planning sees them: what can change their results, and what they offer."""

from __future__ import annotations

from dataclasses import dataclass

from bench.attack import Need
from bench.registry import Choice, signature


def is_bare(choice: Choice, defended: Choice) -> bool:
    """Tell whether a codec is another one without its defences, whatever they are called."""
    if choice.defence or choice.name != defended.name:
        return False
    return signature("codec", choice) == signature("codec", defended.bare)


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

    @property
    def identity(self) -> list[object]:
        """What can change its output: what it says of itself, its name and its parameters."""
        return [self.fingerprint, self.choice.name, signature("codec", self.choice)]

    def guards(self, other: Point) -> bool:
        """Tell whether it is the other one behind defences."""
        return bool(self.choice.defence) and is_bare(other.choice, self.choice)


@dataclass(frozen=True)
class Search:
    """An attack as planning sees it."""

    choice: Choice
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int
