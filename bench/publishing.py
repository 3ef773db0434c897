"""The command that doubts runs: verify."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.errors import BenchError
from bench.store import read_run
from bench.verify import tally, verify


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    doubted = commands.add_parser("verify", help="code a run's pictures again and compare")
    doubted.add_argument("what", type=Path, metavar="RUN", help="a run folder")
    doubted.add_argument(
        "--suite-folder",
        type=Path,
        default=Path(),
        help="where relative paths in the suite start, if not here",
    )
    doubted.set_defaults(command=_verify)


def _verify(arguments: argparse.Namespace) -> None:
    seen = tally(verify(read_run(arguments.what), arguments.suite_folder), _say)
    if seen.findings:
        raise BenchError(f"{arguments.what} is not what it says: {seen.findings} findings above")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
