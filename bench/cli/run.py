"""The commands that run a suite: run, profile."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from rich.console import Console

from bench.cli.progress import watch
from bench.engine import executors
from bench.engine import profiler as profile
from bench.engine.executors import Options
from bench.engine.runner import describe, execute, prepare
from bench.store.run_folder import open_run, read_run
from bench.suite.bundled import named_suite
from leaderboard.ranking.board import Board, build_board
from leaderboard.ranking.clean_rd import is_of_rates
from leaderboard.render.clean_rd_page import write_rates
from leaderboard.render.files import write_page
from leaderboard.render.terminal import tables

_WIDTH = 120


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    run = commands.add_parser("run", help="run a suite, or what is missing of it")
    run.add_argument("suite", help="a YAML file, or the name of a bundled suite")
    run.add_argument("-o", "--out", type=Path, help="run folder (runs/NAME by default)")
    run.add_argument(
        "--executor",
        choices=get_args(executors.Name),
        default="serial",
        help="who does it: this process, several, or Ray's (serial by default)",
    )
    run.add_argument("--workers", type=int, metavar="N", help="how many (as many as have room)")
    run.add_argument("--address", help="of a Ray cluster (a new one on this machine by default)")
    run.add_argument("--gpus", type=float, metavar="N", help="GPUs each worker asks Ray for (0)")
    run.set_defaults(command=_run)
    timed = commands.add_parser("profile", help="run a suite, keep nothing, say what took long")
    timed.add_argument("suite", help="a YAML file, or the name of a bundled suite")
    timed.set_defaults(command=_profile)


def _run(arguments: argparse.Namespace) -> None:
    suite, base = named_suite(arguments.suite)
    terminal = console()
    folder = arguments.out or Path("runs") / suite.name
    options = Options(arguments.workers, arguments.address, arguments.gpus)
    executor = executors.executor(arguments.executor, options)
    prepared = prepare(suite, base)
    with (
        open_run(folder, describe(prepared)) as store,
        closing(executor(prepared, store)) as events,
    ):
        done = watch(events, prepared.plan, store, terminal)
    counted = f"{done} cells measured now, {len(prepared.plan.cells)} in {folder}\n"
    terminal.print(counted, markup=False, highlight=False)
    found = read_run(folder)
    made = build_board([found])
    show(made, terminal)
    page(made, folder / "leaderboard.md", terminal)
    if is_of_rates(found):
        written = write_rates(found, folder / "codecs.md")
        terminal.print(f"wrote {', '.join(map(str, written))}", markup=False, highlight=False)


def _profile(arguments: argparse.Namespace) -> None:
    suite, base = named_suite(arguments.suite)
    terminal, clock = console(), profile.Clock()
    with clock.at(profile.PREPARING):
        prepared = prepare(suite, base)
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        open_run(Path(folder), describe(prepared)) as store,
        profile.profiled(clock),
    ):
        watch(execute(prepared, store), prepared.plan, store, terminal)
    terminal.print(profile.table(clock))


def show(made: Board, terminal: Console) -> None:
    """Print a board."""
    for table in tables(made):
        terminal.print(table)


def page(made: Board, out: Path, terminal: Console) -> None:
    """Write a board as a page, and say so."""
    write_page(made, out)
    terminal.print(f"wrote {out}", markup=False, highlight=False)


def console() -> Console:
    """Return the terminal; where there is none, tables are laid out 120 characters wide."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH)
