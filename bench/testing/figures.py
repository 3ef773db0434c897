"""What a contract measures, and how far it may be from what is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured figure with its limit.

    Attributes:
        what: what was measured, as a sentence that the value ends.
        value: what it was.
        unit: of the value and its limits.
        limit: what is allowed here.
        usual: what is allowed where nothing else is stated.
        least: whether the limit is the least allowed; else it is the most.
    """

    what: str
    value: float
    unit: str
    limit: float
    usual: float
    least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is within the limit; what is no number is not."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    def __str__(self) -> str:
        side = "least" if self.least else "most"
        told = f"{self.what} {self.value:.3g} {self.unit}; at {side} {self.limit:g} {self.unit}"
        return told if self.limit == self.usual else f"{told}, usually {self.usual:g} {self.unit}"
