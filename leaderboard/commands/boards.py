"""A leaderboard of run folders, shown or written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from leaderboard.ranking.board import Board


def read_board(folders: Sequence[Path]) -> Board:
    """Return one board of several run folders."""
    from bench.store.run_folder import read_run
    from leaderboard.ranking.board import build_board

    return build_board([read_run(folder) for folder in folders])


def show(board: Board, console: Console) -> None:
    """Print a board."""
    from leaderboard.render.terminal import tables

    for table in tables(board):
        console.print(table)
