"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

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


def add_own_pictures(parser: argparse.ArgumentParser, crop: str) -> None:
    """Add the pictures of a suite that a command makes.

    Args:
        parser: of the command.
        crop: the default crop, HEIGHTxWIDTH.
    """
    parser.add_argument(
        "--pictures",
        dest="folder",
        default="sample",
        metavar="DIR",
        help="your pictures: a folder, or the set 'sample' (default) or 'kodak'",
    )
    parser.add_argument(
        "--limit", type=int, default=4, metavar="N", help="use the first N pictures (4)"
    )
    parser.add_argument(
        "--crop",
        default=crop,
        metavar="HEIGHTxWIDTH",
        help=f"use the centre of each picture ({crop}); 'none' uses whole pictures",
    )


def own_pictures(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the `images:` block of the suite.

    Raises:
        ConfigError: the crop is not written HEIGHTxWIDTH.
    """
    from bench.cli.key_values import parse_crop

    images: dict[str, Any] = {"set": arguments.folder, "limit": arguments.limit}
    if arguments.crop != "none":
        height, width = parse_crop(arguments.crop)
        images["crop"] = {"height": height, "width": width}
    return images
