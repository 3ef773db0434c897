"""`bench report`: the study of Sun et al. (2024) from run folders."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import add_runs

HELP = (
    "write the study of Sun et al. (2024) from run folders: method, model, quality, target;"
    " and the optimality of each attack"
)
EXAMPLE = "bench report runs/sun2024-small -o study.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runs(parser)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.md")


def run(arguments: argparse.Namespace) -> None:
    """Write the page and its figures."""
    from bench.cli.output import say
    from bench.store.run_folder import read_run
    from leaderboard.study.report.report import write_report

    written = write_report([read_run(folder) for folder in arguments.runs], arguments.out)
    say(f"wrote {', '.join(map(str, written))}")
