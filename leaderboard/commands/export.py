"""`bench export`: the leaderboard of run folders for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import add_runs

HELP = "write the leaderboard of run folders for other programs"
EXAMPLE = "bench export runs/quick -o rows.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runs(parser)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        help="FILE.csv, FILE.parquet (needs the extra `export`), or a folder for JSON that"
        " CompressAI's plot tool draws",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the file or the folder."""
    from bench.cli.output import say
    from leaderboard.commands.boards import read_board
    from leaderboard.render.files import export

    written = export(read_board(arguments.runs), arguments.out)
    say(f"wrote {', '.join(map(str, written))}")
