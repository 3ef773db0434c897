"""`bench run`: run a suite, or what is missing of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from bench.cli.arguments import add_pictures, add_suite
from bench.engine.executors import Name
from bench.isolation import CALL_LIMIT_S

HELP = "run a suite, or what is missing of it"
EXAMPLE = "bench run quick"
_REPORT = "leaderboard.commands.finished_run"
"""The module that shows the leaderboard of a run and writes its page, found by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite(parser)
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
    """Run the suite with live progress, then show its leaderboard and write its page."""
    from bench.cli.output import say_now

    say_now(f"preparing {arguments.suite}")
    from contextlib import closing
    from importlib import import_module

    from bench.cli.output import say
    from bench.cli.progress import watch
    from bench.engine import executors
    from bench.engine.runner import describe, prepare
    from bench.store.run_folder import open_run
    from bench.suite.bundled import named_suite
    from bench.utils.terminal import terminal

    suite, base = named_suite(arguments.suite)
    folder = arguments.out or Path("runs") / suite.name
    place = folder.absolute()  # a codec can change the working directory
    options = executors.Options(
        arguments.workers, arguments.address, arguments.gpus, arguments.call_limit
    )
    executor = executors.executor(arguments.executor, options)
    prepared = prepare(suite, base)
    if suite.compute.precision == "bfloat16":
        _say_if_bfloat16_is_slow()
    with (
        open_run(place, describe(prepared), prepared.plan.keys) as store,
        closing(executor(prepared, store)) as events,
    ):
        if store.set_aside:
            say_now(f"other pictures: {store.set_aside} records moved to set-aside.jsonl")
        scored = watch(events, prepared.plan, store, terminal())
    say(f"{scored} evaluations scored now, {len(prepared.plan.cells)} in {folder}")
    import_module(_REPORT).report(place, terminal())


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
