"""A board as tables for the terminal, with the same columns as the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from leaderboard.columns.column import Column, Line
from leaderboard.columns.columns import CODEC, RUN, RowColumn
from leaderboard.columns.corruption_columns import ALL_KINDS, codec_columns
from leaderboard.columns.ranking_columns import STANDING
from leaderboard.columns.suite_columns import suite_columns
from leaderboard.formatting import plain
from leaderboard.ranking.board import Board, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.corruptions import kinds_of
from leaderboard.ranking.ranking import Ranking, Standing
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.axes.axis import Axis
from leaderboard.render.page import heading_of, shown, unfinished

_CAPTION = "Worst case of each picture, then the mean. The markdown page explains every column."

_OWN = "; metrics that the suite names"

_WORD = 18
"""Length up to which no word of a label or flag is broken."""


def tables(board: Board) -> list[Grid]:
    """Return the board as tables for a terminal of 120 columns: rows, rankings, the rest.

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
        *(_corrupted(one) for one in board.comparisons if one.corrupted),
        *map(_measured, axes_of(board)),
    ]


def grid(
    title: str, headers: Sequence[str], lines: Sequence[Sequence[str]], caption: str, texts: int = 1
) -> Grid:
    """Return a table of cells.

    Args:
        title: printed above it.
        headers: titles of the columns.
        lines: cells.
        caption: printed below it.
        texts: number of columns with texts, the first ones; the others have figures.
    """
    made = _empty(plain(title), caption)
    for index, header in enumerate(headers):
        cells = [plain(line[index]) for line in lines]
        _add(made, plain(header), cells, is_text=index < texts)
    for line in lines:
        made.add_row(*(Text(plain(cell)) for cell in line))
    return made


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


def _filled(
    title: str,
    caption: str,
    columns: Sequence[Column[Line]],
    lines: Sequence[Line],
    text: Callable[[Column[Line], Line], str] = Column.text,
) -> Grid:
    """Return a table of lines.

    Args:
        title: printed above it.
        caption: printed below it.
        columns: the columns.
        lines: the lines.
        text: returns a cell.
    """
    made = _empty(title, caption)
    cells = [[plain(text(column, line)) for column in columns] for line in lines]
    for index, column in enumerate(columns):
        own = [line[index] for line in cells]
        _add(made, plain(column.title), own, is_text=column.is_text)
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def _ranking(board: Board, one: Comparison, ranking: Ranking) -> Grid:
    runs = f"{plain(', '.join(one.runs))}, " if board.has_suites else ""
    title = f"Ranking at {runs}{words.heading(one.budget)}: {ranking.scope.title}"
    columns = [column for column in STANDING if column.is_main]
    return _filled(title, words.unit(ranking), columns, ranking.standings, _short)


def _corrupted(one: Comparison) -> Grid:
    """Return what corruptions cost each codec."""
    title = f"{plain(', '.join(one.runs))}: corruptions"
    caption = "R-D cost relative to the clean one, no attacks."
    kinds = [*kinds_of(one.corrupted), ALL_KINDS]
    return _filled(title, caption, codec_columns(one.corrupted), kinds)


def _measured(axis: Axis) -> Grid:
    """Return the table of an axis of a run."""
    title = f"{plain(axis.run)}: {axis.title.lower()}"
    return _filled(title, "The markdown page explains it.", axis.shown, axis.lines)


def _short(column: Column[Standing], line: Standing) -> str:
    """Return a cell; only the first figure has room for its interval."""
    return column.whole(line) if column.key == "attacked_j" else column.text(line)


def _grid(board: Board, table: Table, columns: Sequence[RowColumn], about: str = "") -> Grid:
    heading, _ = heading_of(table)
    runs = plain(", ".join(table.runs))
    title = f"{runs}, {words.heading(table.budget)}: {heading.lower()}{about}"
    caption = "\n".join([*unfinished(board), _CAPTION])
    return _filled(title, caption, columns, table.rows)


def _add(grid: Grid, title: str, cells: Sequence[str], *, is_text: bool) -> None:
    """Add a column; figures are never broken, words only if they are very long."""
    unbroken = chain(title.split(), chain(*map(str.split, cells)) if is_text else cells)
    widest = max(map(len, unbroken))
    grid.add_column(
        Text(title),
        justify="left" if is_text else "right",
        overflow="fold",
        width=None if is_text else widest,
        min_width=min(widest, _WORD),
    )
