"""A leaderboard of run folders, shown or written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from leaderboard.compare.page import Section
    from leaderboard.ranking.board import Board


def read_board(folders: Sequence[Path]) -> Board:
    """Return one board of several run folders."""
    from bench.store.run_folder import read_run
    from leaderboard.ranking.board import build_board

    return build_board([read_run(folder) for folder in folders])


def say_sheets(folders: Sequence[Path]) -> None:
    """Print where the sheets of worst pictures are, of the runs that have one."""
    from bench.cli.output import say
    from leaderboard.render.run_page.sheets import WORST

    for path in (folder / WORST for folder in folders):
        if path.is_file():
            say(f"the worst adversarial picture of each codec: {path}")


def show(board: Board, console: Console) -> None:
    """Print a board."""
    from leaderboard.render.terminal import tables

    for table in tables(board):
        console.print(table)


def show_section(section: Section, console: Console) -> None:
    """Print the sentences and the table of a comparison."""
    from rich.text import Text

    from leaderboard.compare.table import COLUMNS
    from leaderboard.render.terminal import grid

    console.print(Text(" ".join(section.sentences)))
    lines = [[column.text(line) for column in COLUMNS] for line in section.lines]
    console.print(grid(section.heading, [column.title for column in COLUMNS], lines, ""))
