"""The leaderboard: run folders -> one board, as a markdown page or terminal tables.

board([read_run(folder)]) --> Board --> markdown(board, plots(board, where)), tables(board)
"""

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column
from leaderboard.columns.columns import COLUMNS
from leaderboard.ranking.board import Board, Table, board
from leaderboard.render.page import markdown
from leaderboard.render.plots import Plot, plots
from leaderboard.render.terminal import tables

__all__ = [
    "COLUMNS",
    "Board",
    "Column",
    "Plot",
    "Row",
    "Table",
    "board",
    "markdown",
    "plots",
    "tables",
]
