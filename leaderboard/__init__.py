"""The leaderboard: run folders -> one board, as a markdown page or terminal tables.

board([read_run(folder)]) --> Board --> markdown(board, plots(board, where)), tables(board)
"""

from leaderboard.aggregate import Board, Table, board
from leaderboard.column import Column
from leaderboard.columns import COLUMNS
from leaderboard.page import markdown
from leaderboard.plots import Plot, plots
from leaderboard.rows import Row
from leaderboard.terminal import tables

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
