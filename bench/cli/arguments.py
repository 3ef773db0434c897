"""Arguments that several commands share, and the suite that they ask for."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ConfigError
from bench.images.datasets import PICTURES
from bench.suite import bundled_suites

if TYPE_CHECKING:
    from bench.suite.suite import Suite


def add_suite(parser: argparse.ArgumentParser) -> None:
    """Add the suite: a file, or the name of a bundled one, which shells complete."""
    suite: Any = parser.add_argument(
        "suite", metavar="SUITE", help="a YAML file, or the name of a bundled suite"
    )
    suite.completer = lambda prefix, **_: [
        *(name for name in bundled_suites() if name.startswith(prefix)),
        *map(str, Path().glob(f"{prefix}*.yaml")),
    ]


def add_codecs(parser: argparse.ArgumentParser) -> None:
    """Add codecs that the suite does not have."""
    parser.add_argument(
        "--codec",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "KEY=VALUE"),
        dest="codecs",
        help="add a codec to the suite and score it only; as in a suite, label=... is its name",
    )
    parser.add_argument(
        "--plugin", action="append", default=[], help="a file or module with the codec"
    )


def requested_suite(arguments: argparse.Namespace) -> tuple[Suite, Path]:
    """Return the suite with the additional codecs, and the folder that contains it.

    Raises:
        ConfigError: the suite, a codec or a plugin does not exist or is not valid.
    """
    from bench.cli.key_values import parse_params
    from bench.cli.output import say
    from bench.registry.absolute_paths import absolute_paths
    from bench.suite.additional_codecs import with_codecs
    from bench.suite.bundled import named_suite

    suite, folder = named_suite(arguments.suite)
    if not arguments.codecs:
        if arguments.plugin:
            raise ConfigError("--plugin names a file with a codec; add --codec NAME")
        return suite, folder
    items = [{"name": name, **dict(parse_params(rest))} for name, *rest in arguments.codecs]
    suite = with_codecs(suite, items, arguments.plugin)
    added = (point for point in suite.operating_points if str(point) in suite.score)
    for key, path in chain.from_iterable(map(absolute_paths, added)):
        say(
            f"{key}={path} is a path of this machine, so this run cannot be published; to publish"
            f" it, start in the folder of that file, with {key}={Path(path).name}"
        )
    return suite, folder


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
