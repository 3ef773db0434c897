"""`bench check`: the conformance tests of codecs, run on one operating point."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.cli import CHECK_FAILED, DONE

if TYPE_CHECKING:
    from bench.testing.check_process import CheckResult

HELP = "run the conformance tests on a codec"
EXAMPLE = "bench check jpeg quality=50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("codec", metavar="CODEC", help="its name")
    parser.add_argument("parameters", nargs="*", metavar="KEY=VALUE", help="as in a suite")
    parser.add_argument("--plugin", help="the file or module that has the codec")
    parser.add_argument(
        "--limit",
        type=float,
        metavar="S",
        help="seconds that one test may take (120 by default)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print PASS, WARN, FAIL or n/a for each test; return 1 where one failed."""
    from pathlib import Path

    from bench.cli.key_values import parse_params
    from bench.cli.output import say, say_now
    from bench.registry import plugins
    from bench.registry.component_spec import ComponentSpec
    from bench.registry.registry import resolve
    from bench.testing import check

    if arguments.plugin:
        plugins.load(arguments.plugin, Path())
    codec = resolve("codec", ComponentSpec(arguments.codec, parse_params(arguments.parameters)))
    failed = 0
    for result in check.check(codec, arguments.limit or check.LIMIT_S):
        failed += result.verdict == "FAIL"
        for line in _lines(result):
            say_now(line)
    if failed:
        say(f"{codec} fails {failed} of the tests above")
    return CHECK_FAILED if failed else DONE


def _lines(result: CheckResult) -> Iterator[str]:
    """Yield the verdict, then indented the reason of a failure, the figures and the advice."""
    excuse = f" ({result.reason})" if result.verdict == "n/a" else ""
    yield f"{result.verdict:<4}  {result.requirement}{excuse}"
    if result.verdict == "FAIL":
        yield f"      {result.reason}"
    yield from (f"      {figure}" for figure in result.figures)
    if result.advice:
        yield f"      To do: {result.advice}."
