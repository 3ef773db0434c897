"""A board as tables for the terminal, of the same columns as the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from leaderboard.columns.column import AnyColumn
from leaderboard.columns.columns import CODEC, RUN, asked
from leaderboard.columns.list_fields import STANDING
from leaderboard.formatting import plain
from leaderboard.ranking.board import Board, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.page import heading_of, shown, unfinished

_CAPTION = (
    "The worst case of each picture, then the mean; more, and what it means, in the markdown."
)

_OWN = "; the suite's own metrics"

_WORD = 18
"""Characters up to which no word of a label or flag is broken on the terminal."""


def tables(board: Board) -> list[Grid]:
    """Return the board as tables for a terminal of 120 columns, rankings last.

    What the suites' own metrics say has tables of its own, for which the others have no room.
    """
    lists = (
        _list(board, one, ranking)
        for one in board.comparisons
        for ranking in one.rankings
        if ranking.lmbda == LAMBDAS[1]
    )
    own = ((table, asked(table.rows)) for table in board.tables)
    return [
        *(_grid(board, table, [c for c in shown(table) if c.terminal]) for table in board.tables),
        *(_grid(board, table, _named(table, columns), _OWN) for table, columns in own if columns),
        *lists,
    ]


def _named(table: Table, columns: Sequence[AnyColumn]) -> list[AnyColumn]:
    return [*(column for column in shown(table) if column in (RUN, CODEC)), *columns]


def _list(board: Board, one: Comparison, ranking: Ranking) -> Grid:
    runs = f"{plain(', '.join(one.runs))}, " if board.has_suites else ""
    unit = ranking.baseline and f"{plain(ranking.baseline)} unattacked is ×1.00"
    grid = Grid(
        title=Text(
            f"Ranking at {runs}{words.heading(one.budget)}, λ {ranking.lmbda:g}:"
            f" {ranking.scope.title}",
            style="bold",
        ),
        caption=Text(unit or "J in bits per pixel, ×1.00 being one: there is no VVC"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    fields = [field for field in STANDING if field.terminal]
    for field in fields:
        grid.add_column(
            field.header, justify="right" if field.is_figure else "left", overflow="fold"
        )
    for line in ranking.standings:
        grid.add_row(*(Text(plain(field.text(line))) for field in fields))
    return grid


def _grid(board: Board, table: Table, columns: Sequence[AnyColumn], about: str = "") -> Grid:
    heading, _ = heading_of(table)
    grid = Grid(
        title=Text(
            f"{plain(', '.join(table.runs))}, {words.heading(table.budget)}:"
            f" {heading.lower()}{about}",
            style="bold",
        ),
        caption=Text("\n".join([*unfinished(board), _CAPTION])),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    for column in columns:
        _add(grid, column, [plain(column.text(row)) for row in table.rows])
    for row in table.rows:
        grid.add_row(*(Text(plain(column.text(row))) for column in columns))
    return grid


def _add(grid: Grid, column: AnyColumn, cells: Sequence[str]) -> None:
    """Add a column; figures are never cut, words only where they are very long."""
    is_text = column.format is str
    words_in = plain(column.title).split() + list(chain.from_iterable(map(str.split, cells)))
    widest = max(map(len, words_in))
    grid.add_column(
        Text(plain(column.title)),
        justify="left" if is_text else "right",
        overflow="fold",
        width=None if is_text else widest,
        min_width=min(widest, _WORD),
    )
