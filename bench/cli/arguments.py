"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.images.datasets import PICTURES
from bench.suite import bundled_suites


def add_suite(parser: argparse.ArgumentParser) -> None:
    """Add the suite: a file, or the name of a bundled one, which shells complete."""
    suite: Any = parser.add_argument(
        "suite", metavar="SUITE", help="a YAML file, or the name of a bundled suite"
    )
    suite.completer = lambda prefix, **_: [
        *(name for name in bundled_suites() if name.startswith(prefix)),
        *map(str, Path().glob(f"{prefix}*.yaml")),
    ]


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the Kodak set; `bench.cli.main` sets BENCH_PICTURES to it."""
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help=f"your folder of the Kodak set, instead of a download (default: ${PICTURES})",
    )


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add run folders, one at least."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run folder")
