"""`bench show`: the leaderboard of run folders in the terminal."""

from __future__ import annotations

import argparse

from bench.cli.arguments import add_runs

HELP = "show the leaderboard of run folders in the terminal"
EXAMPLE = "bench show runs/quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runs(parser)
    parser.add_argument(
        "--summary", action="store_true", help="conclusions in plain words, and one short table"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the tables and where the pictures are."""
    from bench.utils.terminal import terminal
    from leaderboard.commands.boards import read_board, say_sheets, show, show_section
    from leaderboard.compare.page import sections

    board, console = read_board(arguments.runs), terminal()
    if arguments.summary:
        for section in sections(board):
            show_section(section, console)
    else:
        show(board, console)
    say_sheets(arguments.runs)
