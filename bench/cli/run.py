"""`bench run`: run a suite, or what is missing of it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from bench.cli.arguments import add_codecs, add_pictures, add_suite, requested_suite
from bench.engine.executors import Name
from bench.isolation import CALL_LIMIT_S

if TYPE_CHECKING:
    from bench.engine.executors import Executor
    from bench.engine.runner import Prepared
    from bench.isolation.coder_pool import CoderPool
    from bench.suite.suite import Suite

HELP = "run a suite, or what is missing of it"
EXAMPLE = "bench run quick"
_REPORT = "leaderboard.commands.finished_run"
"""The module that shows the leaderboard of a run and writes its pages, found by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite(parser)
    add_codecs(parser)
    add_pictures(parser)
    parser.add_argument("-o", "--out", type=Path, help="run folder (runs/NAME by default)")
    parser.add_argument(
        "--executor",
        choices=get_args(Name),
        default="auto",
        help="serial: this process; processes: several on this machine; ray: a Ray cluster;"
        " auto (default): processes if there are several cores and enough jobs",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="number of processes (default: as many as cores and memory allow)",
    )
    parser.add_argument(
        "--address", help="address of a Ray cluster (default: start one on this machine)"
    )
    parser.add_argument("--gpus", type=float, metavar="N", help="GPUs each Ray worker asks for (0)")
    parser.add_argument(
        "--call-limit",
        type=float,
        metavar="S",
        default=CALL_LIMIT_S,
        help="seconds that one call of a plugin may take, and as many per megapixel (600)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the suite with live progress, then time its codecs and show its leaderboard."""
    from bench.cli.output import say_now

    say_now(f"preparing {arguments.suite}")
    from contextlib import closing
    from importlib import import_module

    from bench.engine import executors
    from bench.engine.runner import prepare
    from bench.isolation.coder_pool import CoderPool
    from bench.planning.victims import left_to_others
    from bench.utils.terminal import terminal

    suite, base = requested_suite(arguments)
    folder = arguments.out or _run_folder(suite, arguments)
    place = folder.absolute()  # a codec can change the working directory
    options = executors.Options(
        arguments.workers, arguments.address, arguments.gpus, arguments.call_limit
    )
    executor = executors.executor(arguments.executor, options)
    if suite.compute.precision == "bfloat16":
        _say_if_bfloat16_is_slow()
    prepared = prepare(suite, base)
    if left_out := left_to_others(suite, prepared.plan):
        say_now(left_out)
    with closing(CoderPool(suite.compute.threads, options.call_limit_s)) as pool:
        run_into(prepared, folder, executor, pool)
        import_module(_REPORT).report(prepared, place, pool, terminal())


def run_into(
    prepared: Prepared, folder: Path, executor: Executor, pool: CoderPool | None = None
) -> None:
    """Run a suite, or what is missing of it in a folder, with live progress.

    Args:
        prepared: the suite.
        folder: the run folder.
        executor: what runs the jobs.
        pool: the processes in which foreign codecs are timed when the jobs are done; None to time
            nothing.

    Raises:
        BenchError: the folder cannot be written.
    """
    from contextlib import closing

    from bench.cli.output import say_now
    from bench.cli.progress import watch
    from bench.engine.resources import is_measured, measure_resources
    from bench.engine.runner import describe
    from bench.engine.timing import codecs_to_time, is_timed, measure_timings
    from bench.store.run_folder import open_run
    from bench.utils.terminal import terminal

    place = folder.absolute()  # a codec can change the working directory
    with (
        open_run(place, describe(prepared), prepared.plan.keys) as store,
        closing(executor(prepared, store)) as events,
    ):
        if store.set_aside:
            say_now(f"other pictures: {store.set_aside} records moved to set-aside.jsonl")
        scored = watch(events, prepared.plan, store, terminal())
        say_now(f"{scored} evaluations scored now, {len(prepared.plan.cells)} in {folder}")
        if pool is not None and not is_timed(prepared, store):
            count = len(codecs_to_time(prepared, store))
            say_now(f"timing {count} operating points on a megapixel, slow ones on less")
            measure_timings(prepared, store, pool)
        if pool is not None and prepared.suite.resources and not is_measured(prepared, store):
            say_now("coding the slowest adversarial pictures again, beside their source pictures")
            measure_resources(prepared, store, pool)


def _say_if_bfloat16_is_slow() -> None:
    import torch

    from bench.cli.output import say_now
    from bench.utils.machine import bfloat16_speedup

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    speedup = bfloat16_speedup(device)
    if speedup < 1:
        say_now(
            f"bfloat16 is {1 / speedup:.1f} times as slow as float32 on this machine; leave"
            " 'precision: bfloat16' out of the suite to be faster"
        )


def _run_folder(suite: Suite, arguments: argparse.Namespace) -> Path:
    """Return the folder of a run whose folder is not named: that of the suite or of its codec."""
    names = [suite.name, *(name for name, *_ in arguments.codecs)]
    return Path("runs") / re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(names))
