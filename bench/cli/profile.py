"""`bench profile`: where the time of a run goes."""

from __future__ import annotations

import argparse

from bench.cli.arguments import add_pictures, add_suite

HELP = "run a suite in a temporary folder and say where the time went"
EXAMPLE = "bench profile quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite(parser)
    add_pictures(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the suite in this process, keep nothing, and print a table of activities."""
    from bench.cli.output import say_now

    say_now(f"preparing {arguments.suite}")
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from bench.cli.progress import watch
    from bench.engine import profiler
    from bench.engine.runner import describe, execute, prepare
    from bench.store.run_folder import open_run
    from bench.suite.bundled import named_suite
    from bench.utils.terminal import terminal

    suite, base = named_suite(arguments.suite)
    console, clock = terminal(), profiler.Clock()
    with clock.at(profiler.PREPARING):
        prepared = prepare(suite, base)
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        open_run(Path(folder), describe(prepared)) as store,
        profiler.profiled(clock),
    ):
        watch(execute(prepared, store), prepared.plan, store, console)
    console.print(profiler.table(clock))
