"""A column of a table: how it is called, what a line shows in it, and what exports store."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.rows import CleanStats, Row
from leaderboard.aggregate.worst_case import GainOverBaseline, WorstCase
from leaderboard.ranking.rd_costs import Ratio

Line = TypeVar("Line")
Part = TypeVar("Part")

Plain: TypeAlias = float | str | tuple[int, int] | None
"""A value without its interval; a tuple is sorted by its first number."""

Value: TypeAlias = Plain | Estimate | Ratio

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


@dataclass(frozen=True)
class Column(Generic[Line]):
    """One column of a table. A line of the table is a row, a standing, a verdict, ...

    Attributes:
        key: name in exports and entries; it never changes.
        header: displayed name, with the unit.
        value: the value of a line, or a mean with its interval; None where there is none.
        format: value -> text.
        meaning: one line for the legend.
        better: whether higher or lower values are better for the codec; None if neither is.
        is_main: whether short tables show it too: the terminal, the first table of a page.
        is_text: whether it holds words, not figures.
        stored: the value in exports and entries, where it differs from the displayed one.
        is_bound: whether the figure of a line is marked as a lower bound.
    """

    key: str
    header: str
    value: Callable[[Line], Value]
    format: Callable[[Any], str]
    meaning: str
    better: Literal["higher", "lower"] | None = None
    is_main: bool = False
    is_text: bool = False
    stored: Callable[[Line], Value] | None = None
    is_bound: Callable[[Line], bool] = lambda _: False

    @property
    def title(self) -> str:
        """The header with an arrow that shows which values are better."""
        return f"{self.header}{_ARROWS[self.better]}"

    def exported(self, line: Line) -> Value:
        """Return the value that exports and entries store."""
        return (self.stored or self.value)(line)

    def plain(self, line: Line) -> Plain:
        """Return the value of a line without an interval."""
        value = self.value(line)
        if isinstance(value, Estimate):
            return value.mean
        return value.value if isinstance(value, Ratio) else value

    def text(self, line: Line) -> str:
        """Return the text of a line without an interval; ≥ marks a lower bound."""
        value = self.plain(line)
        if value is None:
            return "–"
        return f"{'≥ ' * self.is_bound(line)}{self.format(value)}"

    def interval(self, line: Line) -> str:
        """Return the 95 % interval of a mean in brackets; an empty string if there is none."""
        value = self.value(line)
        if isinstance(value, Estimate) and math.isfinite(value.mean):
            return self._interval(value.low, value.high)
        if isinstance(value, Ratio) and value.interval is not None:
            return self._interval(*value.interval)
        return ""

    def whole(self, line: Line) -> str:
        """Return the text of a line with the 95 % interval of a mean."""
        return f"{self.text(line)} {self.interval(line)}".rstrip()

    def _interval(self, low: float | None, high: float | None) -> str:
        if low is None or high is None:
            return ""
        return f"({self.format(low)} to {self.format(high)})"


def adapted(
    column: Column[Part], part: Callable[[Line], Part | None], *, header: str | None = None
) -> Column[Line]:
    """Return a column of a part of a line as a column of the line.

    Args:
        column: a column of the part.
        part: the part; None where a line has none, and so no value.
        header: another header; that of the column by default.
    """

    def value(line: Line) -> Value:
        found = part(line)
        return None if found is None else column.value(found)

    def is_bound(line: Line) -> bool:
        found = part(line)
        return found is not None and column.is_bound(found)

    return Column(
        column.key,
        column.header if header is None else header,
        value,
        column.format,
        column.meaning,
        column.better,
        column.is_main,
        column.is_text,
        is_bound=is_bound,
    )


def of_attack(value: Callable[[WorstCase], Value]) -> Callable[[Row], Value]:
    """Take a value from the worst case of all attacks."""
    return lambda row: None if row.attack is None else value(row.attack)


def of_noise(value: Callable[[WorstCase], Value]) -> Callable[[Row], Value]:
    """Take a value from the worst case of noise."""
    return lambda row: None if row.noise is None else value(row.noise)


def of_threat(threat: str, value: Callable[[WorstCase], Value]) -> Callable[[Row], Value]:
    """Take a value from the worst case of one threat."""
    return lambda row: value(row.by_threat[threat]) if threat in row.by_threat else None


def of_gain(value: Callable[[GainOverBaseline], Value]) -> Callable[[Row], Value]:
    """Take a value from the excess over noise."""
    return lambda row: None if row.gain is None else value(row.gain)


def of_lossless(value: Callable[[GainOverBaseline], Value]) -> Callable[[Row], Value]:
    """Take a value from the excess over the lossless reference."""
    return lambda row: None if row.over_lossless is None else value(row.over_lossless)


def of_clean(value: Callable[[CleanStats], Value]) -> Callable[[Row], Value]:
    """Take a value from the clean scores."""
    return lambda row: None if row.clean is None else value(row.clean)


def median(estimate: Estimate | None) -> float | None:
    """Return the median over the pictures."""
    return None if estimate is None else estimate.median


def largest(estimate: Estimate | None) -> float | None:
    """Return the largest value of all pictures."""
    return None if estimate is None else estimate.most
