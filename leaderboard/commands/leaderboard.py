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
    """Write the pages."""
    from bench.cli.output import say
    from leaderboard.commands.boards import read_board, say_sheets
    from leaderboard.render.files import write_page

    out = arguments.out
    write_page(read_board(arguments.runs), out, arguments.runs)
    say(f"wrote {out}, and all figures to {out.stem}-full.md")
    say_sheets(arguments.runs)
