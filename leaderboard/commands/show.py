"""`bench show`: the leaderboard of run folders in the terminal."""

from __future__ import annotations

import argparse

from bench.cli.arguments import add_runs

HELP = "show the leaderboard of run folders in the terminal"
EXAMPLE = "bench show runs/quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the tables."""
    from bench.utils.terminal import terminal
    from leaderboard.commands.boards import read_board, show

    show(read_board(arguments.runs), terminal())
