"""What a column of the board is, and how it finds its values in a row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.rows import CleanStats, Row
from leaderboard.aggregate.worst_case import GainOverBaseline, WorstCase

Value = TypeVar("Value")


@dataclass(frozen=True)
class Column(Generic[Value]):
    """One column.

    Attributes:
        header: its title, with the unit.
        value: what a row has there, alone or as the mean of an estimate; None where it has nothing.
        format: value -> text.
        meaning: one line for the legend.
        better: which values speak for the codec; None if neither does.
        terminal: whether it is shown on the terminal too, where 120 columns must do.
    """

    header: str
    value: Callable[[Row], Value | Estimate | None]
    format: Callable[[Value], str]
    meaning: str
    better: Literal["higher", "lower"] | None = None
    terminal: bool = False

    @property
    def title(self) -> str:
        """The header with an arrow that points where the better values are."""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.better]
        return f"{self.header}{arrow}"

    def text(self, row: Row) -> str:
        """Return the cell of a row."""
        value = self.plain(row)
        return "–" if value is None else self.format(value)

    def plain(self, row: Row) -> Value | None:
        """Return the value of a row; of an estimate its mean."""
        value = self.value(row)
        return value.mean if isinstance(value, Estimate) else value  # type: ignore[return-value]

    def whole(self, row: Row) -> str:
        """Return the cell of a row with the 95 % interval of a mean."""
        value = self.value(row)
        if not isinstance(value, Estimate) or value.low is None or value.high is None:
            return self.text(row)
        if not math.isfinite(value.mean):
            return self.text(row)
        return f"{self.text(row)} ({self._number(value.low)} to {self._number(value.high)})"

    def _number(self, value: float) -> str:
        return self.format(value)  # type: ignore[arg-type]


AnyColumn: TypeAlias = Column[float] | Column[str] | Column[tuple[int, int]]


def of_attack(score: Callable[[WorstCase], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what the attacks did."""
    return lambda row: None if row.attack is None else score(row.attack)


def of_noise(score: Callable[[WorstCase], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what noise did."""
    return lambda row: None if row.noise is None else score(row.noise)


def of_kind(kind: str, score: Callable[[WorstCase], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what one kind of attack did alone."""
    return lambda row: score(row.by_threat[kind]) if kind in row.by_threat else None


def of_gain(score: Callable[[GainOverBaseline], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what the attacks did beyond noise."""
    return lambda row: None if row.gain is None else score(row.gain)


def of_lossless(score: Callable[[GainOverBaseline], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what the attacks did beyond what they do to the lossless codec."""
    return lambda row: None if row.over_lossless is None else score(row.over_lossless)


def of_clean(score: Callable[[CleanStats], Value | None]) -> Callable[[Row], Value | None]:
    """Look into what the codec does without an attack."""
    return lambda row: None if row.clean is None else score(row.clean)


def median(estimate: Estimate | None) -> float | None:
    """Return the median over the pictures."""
    return None if estimate is None else estimate.median


def most(estimate: Estimate | None) -> float | None:
    """Return the largest value of all pictures."""
    return None if estimate is None else estimate.most
