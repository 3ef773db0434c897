"""The tables of the published page: rankings, curves, best known attacks, operating points."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import AnyColumn
from leaderboard.columns.list_fields import CURVES, STANDING, Field, Line
from leaderboard.formatting import plain, steady
from leaderboard.publish.best_known import KNOWN, Known
from leaderboard.ranking.board import Board, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.page import heading_of, shown

_RATES = dict(zip(LAMBDAS, ("low", "middle", "high"), strict=True))

_NUMBER = re.compile(r"[×=+ ]*(-?\d+(\.\d+)?)")


@dataclass(frozen=True)
class Head:
    """The head of a column: its text, what it means, and whether it is shown at first."""

    text: str
    meaning: str
    visible: bool


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: what it says.
        order: the number that it is sorted by; None for text that is sorted as it reads.
        interval: of a mean, in brackets.
    """

    text: str
    order: str | None
    interval: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted and filtered; `run` is empty if it is of several."""

    run: str
    title: str
    about: str
    heads: tuple[Head, ...]
    lines: tuple[tuple[Cell, ...], ...]


def rankings(board: Board, lambdas: Sequence[float]) -> Iterator[Grid]:
    """Yield the lists of who stands above whom at some of the lambdas."""
    for one in board.comparisons:
        for ranking in one.rankings:
            if ranking.lmbda in lambdas:
                where = f"{_where(one)}, {_RATES[ranking.lmbda]} rates"
                heading = f"{where}: {ranking.scope.title}"
                yield grid(one.runs[0], heading, _unit(ranking), STANDING, ranking.standings)


def _where(one: Comparison | Table) -> str:
    return f"{', '.join(map(plain, one.runs))}, {words.heading(one.budget)}"


def _unit(ranking: Ranking) -> str:
    if ranking.baseline is None:
        unit = "J is in bits per pixel, as there is no VVC; ×1.00 is one bit."
    else:
        unit = f"×1.00 is what {plain(ranking.baseline)} costs unattacked."
    return f"λ = {ranking.lmbda:g}; {unit}{words.counted(ranking)}"


def known(one: Comparison, lines: Iterable[Known]) -> Grid:
    """Return the best known attacks of a track at a budget."""
    about = f"Budget: {words.budget(one.budget)}."
    return grid(one.runs[0], f"Best known attacks, {_where(one)}", about, KNOWN, lines)


def curves(one: Comparison) -> Grid:
    """Return the Bjøntegaard differences of a track at a budget."""
    about = (
        "Mean distances (Bjøntegaard, BD) between the curves below: what an attack costs in dB at"
        " equal rate, and in bits at equal PSNR. They need four qualities and curves that overlap;"
        " n/a says what is missing."
    )
    return grid(one.runs[0], f"Whole codecs, {_where(one)}", about, CURVES, one.curves)


def grid(
    run: str, heading: str, about: str, fields: Sequence[Field[Line]], lines: Iterable[Line]
) -> Grid:
    """Return lines as a table, one column for each field."""
    return Grid(run, heading, about, heads(fields), _lines(fields, lines))


def heads(fields: Sequence[Field[Line]]) -> tuple[Head, ...]:
    """Return the heads of the columns of some fields."""
    return tuple(Head(field.header, field.meaning, field.terminal) for field in fields)


def _lines(fields: Sequence[Field[Line]], lines: Iterable[Line]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(_cell(field.text(line), is_figure=field.is_figure) for field in fields)
        for line in lines
    )


def _cell(text: str, *, is_figure: bool) -> Cell:
    if not is_figure:
        return Cell(plain(text), None)
    found = _NUMBER.match(text)
    mean, bracket, interval = plain(text).partition(" (")
    return Cell(mean, found[1] if found else "", bracket.strip() + interval)


def tables(board: Board) -> Iterator[Grid]:
    """Yield the rows, apart by track, by budget, and by whether gradients were used."""
    for one in board.tables:
        heading, about = heading_of(one)
        columns = shown(one)
        yield Grid(
            run=one.runs[0],
            title=f"{_where(one)}: {heading.lower()}",
            about=f"{about} Budget: {words.budget(one.budget)}.",
            heads=tuple(Head(plain(c.title), c.meaning, c.terminal) for c in columns),
            lines=tuple(tuple(_value(c, row) for c in columns) for row in one.rows),
        )


def _value(column: AnyColumn, row: Row) -> Cell:
    """Return a cell with the number it is sorted by."""
    text, value = plain(column.text(row)), column.plain(row)
    if isinstance(value, tuple):
        return Cell(text, str(value[0]))
    if isinstance(value, float):
        number = math.copysign(1e308, value) if math.isinf(value) else value
        return Cell(text, f"{steady(number)}", column.whole(row).removeprefix(text).strip())
    return Cell(text, None if column.format is str else "")
