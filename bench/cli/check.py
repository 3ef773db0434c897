"""`bench check`: the conformance tests of codecs, run on one operating point."""

from __future__ import annotations

import argparse

from bench.cli import CHECK_FAILED, DONE

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
    """Print PASS or FAIL for each test; return 1 where one failed."""
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
        failed += bool(result.problem)
        say(f"{'FAIL' if result.problem else 'PASS'}  {result.requirement}")
        for line in filter(None, (result.problem, *result.figures)):
            say_now(f"      {line}")
    if failed:
        say(f"{codec} fails {failed} of the tests above")
    return CHECK_FAILED if failed else DONE
