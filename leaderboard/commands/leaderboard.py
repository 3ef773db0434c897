"""`bench leaderboard`: the leaderboard of run folders as a markdown page with plots."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import add_runs

HELP = "write the leaderboard of run folders as a markdown page with plots"
EXAMPLE = "bench leaderboard runs/quick -o leaderboard.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runs(parser)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.md")


def run(arguments: argparse.Namespace) -> None:
    """Write the page."""
    from bench.cli.output import say
    from leaderboard.commands.boards import read_board
    from leaderboard.render.files import write_page

    write_page(read_board(arguments.runs), arguments.out)
    say(f"wrote {arguments.out}")
