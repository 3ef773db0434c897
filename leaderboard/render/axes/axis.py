"""An axis of a run: its table and its figure, as every kind of page and export needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.columns.column import Column


@dataclass(frozen=True)
class Series:
    """A line in a figure.

    Attributes:
        name: name of what it shows.
        x: coordinates, in the order of the line.
        y: coordinates; not finite where nothing is drawn.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """One of the panels of a figure, which lie beside each other.

    Attributes:
        across: what x is, with its unit.
        up: what y is, with its unit.
        series: the lines.
        is_logarithmic: whether the axis of x is logarithmic; otherwise x counts something.
    """

    across: str
    up: str
    series: tuple[Series, ...]
    is_logarithmic: bool = False


def text_column(name: str, meaning: str, value: Callable[[Any], str]) -> Column[Any]:
    """Return a column of names, which every page shows."""
    return Column(name, name, value, str, meaning, is_main=True, is_text=True)


@dataclass(frozen=True)
class Axis:
    """The measurements of one kind in one run.

    Attributes:
        key: name in the names of files.
        title: name in headings.
        run: name of the run.
        about: what the figures are, in sentences of plain text.
        columns: the columns of its table; the main ones are shown, exports have all of them.
        lines: the lines of its table.
        panels: its figure.
    """

    key: str
    title: str
    run: str
    about: str
    columns: Sequence[Column[Any]]
    lines: Sequence[Any]
    panels: Sequence[Panel]

    @property
    def shown(self) -> list[Column[Any]]:
        """The columns that pages show."""
        return [column for column in self.columns if column.is_main]
