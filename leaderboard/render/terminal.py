"""A board as tables for the terminal, with the same columns as the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from leaderboard.aggregate.rows import Row
from leaderboard.columns.columns import CODEC, RUN, RowColumn
from leaderboard.columns.ranking_columns import STANDING
from leaderboard.columns.suite_columns import suite_columns
from leaderboard.formatting import plain
from leaderboard.ranking.board import Board, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.page import heading_of, shown, unfinished

_CAPTION = "Worst case of each picture, then the mean. The markdown page explains every column."

_OWN = "; metrics that the suite names"

_WORD = 18
"""Length up to which no word of a label or flag is broken."""


def tables(board: Board) -> list[Grid]:
    """Return the board as tables for a terminal of 120 columns, rankings last.

    The metrics that the suites name have tables of their own, because the others have no room.
    """
    rankings = (
        _ranking(board, one, ranking)
        for one in board.comparisons
        for ranking in one.rankings
        if ranking.lmbda == LAMBDAS[1]
    )
    return [
        *(_grid(board, table, _main(table)) for table in board.tables),
        *(_grid(board, table, _own(table), _OWN) for table in board.tables if _has_own(table)),
        *rankings,
    ]


def _main(table: Table) -> list[RowColumn]:
    return [column for column in shown(table) if column.is_main]


def _has_own(table: Table) -> bool:
    return bool(suite_columns(table.rows))


def _own(table: Table) -> list[RowColumn]:
    """Return the columns of the metrics that the suite names, after the names of the rows."""
    named = (column for column in shown(table) if column in (RUN, CODEC))
    return [*named, *suite_columns(table.rows)]


def _empty(title: str, caption: str) -> Grid:
    return Grid(
        title=Text(title, style="bold"),
        caption=Text(caption),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )


def _ranking(board: Board, one: Comparison, ranking: Ranking) -> Grid:
    runs = f"{plain(', '.join(one.runs))}, " if board.has_suites else ""
    title = f"Ranking at {runs}{words.heading(one.budget)}: {ranking.scope.title}"
    grid = _empty(title, words.unit(ranking))
    columns = [column for column in STANDING if column.is_main]
    for column in columns:
        grid.add_column(
            column.title, justify="left" if column.is_text else "right", overflow="fold"
        )
    for line in ranking.standings:
        grid.add_row(*(Text(plain(column.whole(line))) for column in columns))
    return grid


def _grid(board: Board, table: Table, columns: Sequence[RowColumn], about: str = "") -> Grid:
    heading, _ = heading_of(table)
    runs = plain(", ".join(table.runs))
    grid = _empty(
        f"{runs}, {words.heading(table.budget)}: {heading.lower()}{about}",
        "\n".join([*unfinished(board), _CAPTION]),
    )
    for column in columns:
        _add(grid, column, table.rows)
    for row in table.rows:
        grid.add_row(*(Text(plain(column.text(row))) for column in columns))
    return grid


def _add(grid: Grid, column: RowColumn, rows: Sequence[Row]) -> None:
    """Add a column; figures are never broken, words only if they are very long."""
    title, cells = plain(column.title), (plain(column.text(row)) for row in rows)
    widest = max(map(len, chain(title.split(), *map(str.split, cells))))
    grid.add_column(
        Text(title),
        justify="left" if column.is_text else "right",
        overflow="fold",
        width=None if column.is_text else widest,
        min_width=min(widest, _WORD),
    )
