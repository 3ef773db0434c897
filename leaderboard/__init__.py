"""The leaderboard: run folders -> one board, as a markdown page or terminal tables.

board([read_run(folder)]) --> Board --> markdown(board), tables(board)
"""

from leaderboard.aggregate import Board, Table, board
from leaderboard.columns import COLUMNS, Column
from leaderboard.render import markdown, tables
from leaderboard.rows import Row

__all__ = ["COLUMNS", "Board", "Column", "Row", "Table", "board", "markdown", "tables"]
