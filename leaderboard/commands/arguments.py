"""Arguments that `verify` and `publish` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import add_pictures


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add where a suite's pictures and paths are, and whether code of others may run."""
    add_pictures(parser)
    parser.add_argument(
        "--suite-folder",
        type=Path,
        default=Path(),
        help="where relative paths in the suite start, if not here",
    )
    parser.add_argument(
        "--plugins",
        action="store_true",
        help="run the plugins and programs that the run, entry or challenge names: they are code of"
        " whoever made it",
    )
