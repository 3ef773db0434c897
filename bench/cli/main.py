"""The command line: `bench COMMAND`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from typing import get_args

from rich.console import Console
from rich.table import Table

from bench import __version__
from bench.cli import attack as explorer
from bench.cli import publish as publishing
from bench.cli import run as running
from bench.cli.key_values import parse_params
from bench.cli.list import Listed, as_json, as_table, items
from bench.cli.progress import duration
from bench.cli.run import console, page, show
from bench.engine.runner import prepare
from bench.errors import BenchError, one_line
from bench.models import zoo
from bench.planning.estimate import REFERENCE_CORES, remaining
from bench.registry import plugins, registry
from bench.registry.registry import ComponentSpec
from bench.store.run_folder import read_run
from bench.suite.bundled import named_suite
from bench.suite.json_schema import suite_schema
from bench.testing import check as checking
from leaderboard.ranking.board import Board, build_board
from leaderboard.render.files import export
from leaderboard.study.report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after "bench"; those of the process if None.

    Returns:
        The exit status: 0 done, 2 could not be done (told in one sentence), 130 interrupted.
    """
    parsed = _parser().parse_args(arguments)
    errors = Console(stderr=True, soft_wrap=True)
    try:
        with _ended_like_interrupted():
            parsed.command(parsed)
    except (BenchError, OSError) as error:
        errors.print(f"bench: {_sentence(error)}", markup=False, highlight=False)
        return 2
    except KeyboardInterrupt:
        errors.print("bench: interrupted; what was measured is kept, run the same command again")
        return 130
    return 0


@contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """Treat being ended, as schedulers of clusters do it, as an interrupt from a terminal."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure how robust image codecs are against attacks."
    )
    parser.add_argument("--version", action="version", version=f"bench {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_suites(commands)
    _add_boards(commands)
    publishing.add(commands)
    _add_queries(commands)
    _add_training(commands)
    return parser


def _add_suites(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    running.add(commands)
    plan = commands.add_parser("plan", help="say what a suite would do and how long it would take")
    plan.add_argument("suite", help="a YAML file, or the name of a bundled suite")
    plan.set_defaults(command=_plan)
    attack = commands.add_parser("attack", help="attack one picture and write out what came of it")
    explorer.add_arguments(attack)
    attack.set_defaults(command=_attack)


def _add_boards(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="show the board of runs here")
    show.set_defaults(command=_show)
    page = commands.add_parser("leaderboard", help="write the board of runs as a page with plots")
    page.set_defaults(command=_leaderboard)
    other = commands.add_parser("export", help="write the board of runs for other programs")
    other.set_defaults(command=_export)
    report = commands.add_parser("report", help="write the study of Sun et al. from runs")
    report.set_defaults(command=_report)
    for parser in (show, page, other, report):
        parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    for parser in (page, report):
        parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.md")
    other.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        help="FILE.csv, FILE.parquet, or a folder for JSON that CompressAI's plot tool draws",
    )


def _add_queries(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="list what a suite can name")
    listing.add_argument("what", choices=(*get_args(Listed), "zoo"))
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)
    checked = commands.add_parser("check", help="put a codec through the contract of codecs")
    checked.add_argument("codec", help="its name")
    checked.add_argument("parameters", nargs="*", metavar="KEY=VALUE", help="as in a suite")
    checked.add_argument("--plugin", help="the file or module that has the codec")
    checked.add_argument(
        "--limit",
        type=float,
        default=checking.LIMIT_S,
        metavar="S",
        help="seconds that one promise may take (%(default)g)",
    )
    checked.set_defaults(command=_check)
    schema = commands.add_parser("schema", help="print the JSON schema of suites, for editors")
    schema.set_defaults(command=_schema)


def _add_training(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser("train", help="train a codec, or go on where training stopped")
    train.add_argument("recipe", type=Path, help="a YAML file")
    train.add_argument("--photos", type=Path, help="the folder of photographs to train on")
    train.add_argument("-o", "--out", type=Path, help="training folder (trainings/NAME by default)")
    train.set_defaults(command=_train)


def _plan(arguments: argparse.Namespace) -> None:
    suite, base = named_suite(arguments.suite)
    plan = prepare(suite, base).plan
    searches = Counter(str(job.search.choice) for job in plan.crafts)
    victims = Counter(f"{cell.victim.label} ({cell.threat})" for cell in plan.cells)
    for title, counts in (("searches", searches), ("cells", victims)):
        _say(f"{title}: {sum(counts.values())}")
        for name, count in counts.items():
            _say(f"  {count:6d}  {name}")
    alone, at_once = remaining(plan), max(1, REFERENCE_CORES // suite.compute.threads)
    told = f"about {duration(alone)} on a {REFERENCE_CORES}-core machine"
    if at_once > 1:
        told += f", {duration(alone / at_once)} with --executor processes"
    _say(f"{told}; nothing was executed")


def _attack(arguments: argparse.Namespace) -> None:
    explorer.attack(arguments, console())


def _leaderboard(arguments: argparse.Namespace) -> None:
    page(_board(arguments.runs), arguments.out, console())


def _show(arguments: argparse.Namespace) -> None:
    show(_board(arguments.runs), console())


def _export(arguments: argparse.Namespace) -> None:
    export(_board(arguments.runs), arguments.out)
    console().print(f"wrote {arguments.out}", markup=False, highlight=False)


def _report(arguments: argparse.Namespace) -> None:
    written = write_report([read_run(folder) for folder in arguments.runs], arguments.out)
    console().print(f"wrote {', '.join(map(str, written))}", markup=False, highlight=False)


def _list(arguments: argparse.Namespace) -> None:
    text, table = _listed(arguments.what)
    if arguments.json:
        _say(text)
    else:
        console().print(table)


def _listed(what: str) -> tuple[str, Table]:
    """Return what is listed as JSON and as a table."""
    if what == "zoo":
        return zoo.as_json(zoo.cards()), zoo.as_table(zoo.cards())
    listed = items(what)
    return as_json(listed), as_table(what, listed)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.plugin:
        plugins.load(arguments.plugin, Path())
    choice = registry.resolve(
        "codec", ComponentSpec(arguments.codec, parse_params(arguments.parameters))
    )
    broken = 0
    for found in checking.check(choice, arguments.limit):
        broken += bool(found.problem)
        _say(f"{'BROKEN' if found.problem else 'holds '}  {found.promise}")
        for line in filter(None, (found.problem, *found.figures)):
            _say(f"        {line}")
    if broken:
        raise BenchError(f"{choice} breaks {broken} of the promises above")


def _schema(arguments: argparse.Namespace) -> None:
    del arguments
    _say(json.dumps(suite_schema(), indent=2))


def _train(arguments: argparse.Namespace) -> None:
    from bench.training.train import train  # noqa: PLC0415 - CompressAI takes seconds to import

    train(arguments.recipe, arguments.out, console(), photos=arguments.photos)


def _board(folders: Sequence[Path]) -> Board:
    return build_board([read_run(folder) for folder in folders])


def _sentence(error: BenchError | OSError) -> str:
    """Return one line; an operating system's refusal names its file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}; choose another"
    return one_line(error)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
