"""`bench attack-test`: one attack against `standard`, by optimality, damage and cost."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.commands.arguments import add_own_pictures, own_pictures

if TYPE_CHECKING:
    from bench.engine.runner import Prepared
    from bench.suite.suite import Suite
    from leaderboard.study.attacks.attack_test import AttackTest

HELP = "compare an attack with the ensemble standard and with noise: damage, optimality, cost"
EXAMPLE = "bench attack-test mine steps=60 --plugin mine.py"
_OBJECTIVES = ("distortion", "rate", "rd")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("attack", metavar="ATTACK", help="its name")
    parser.add_argument("parameters", nargs="*", metavar="KEY=VALUE", help="as in a suite")
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE",
        help="the file or module that has the attack, or a codec; several times for several",
    )
    parser.add_argument(
        "--codec",
        nargs="+",
        action="append",
        metavar=("NAME", "KEY=VALUE"),
        help="a codec, as in a suite, instead of three bundled models; several times for several",
    )
    add_own_pictures(parser, "128x128")
    parser.add_argument(
        "--budget",
        nargs="+",
        default=["linf=8"],
        metavar="KIND=SIZE",
        help="one or several budgets, see `bench attack` (linf=8 by default)",
    )
    parser.add_argument(
        "--objective",
        nargs="+",
        choices=_OBJECTIVES,
        default=_OBJECTIVES,
        help="one or several objectives (all by default)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="folder of the two run folders (runs/attack-test by default)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Search with the attack, then with `standard`; print the verdict and two tables.

    Raises:
        BenchError: something was misspelt, or the attack found no picture at all.
    """
    from bench.cli.output import say, say_now

    say_now(f"preparing a test of {arguments.attack}")
    from bench.engine.runner import prepare
    from bench.store.run_folder import read_run
    from bench.utils.terminal import terminal
    from leaderboard.study.attacks.attack_test import STANDARD, standard_label
    from leaderboard.study.attacks.result import Names, Result, require_pictures
    from leaderboard.study.attacks.tables import tables
    from leaderboard.study.attacks.verdict import sentences

    shown = arguments.out or Path("runs") / "attack-test"
    folder = shown.absolute()  # a plugin can change the working directory
    test = _test(arguments)
    suite = test.standard()
    names = Names(test.label, standard_label(suite), test.equal_label)
    tested, standard = prepare(test.tested(), Path()), _prepared(suite, names.standard)
    name = _folder_name(test)
    _claim(standard, folder / STANDARD)
    _run(tested, folder / name, names.tested)
    require_pictures(names.tested, read_run(folder / name))
    _run(standard, folder / STANDARD, names.standard)
    result = Result(names, read_run(folder / name), read_run(folder / STANDARD))
    for sentence in sentences(result):
        say(sentence)
    for table in tables(result):
        terminal().print(table)
    say(f"the records are in {shown / name} and {shown / STANDARD}")


def _prepared(suite: Suite, name: str) -> Prepared:
    """Prepare the suite of `standard`, which need not have a search for every objective."""
    from bench.engine.runner import prepare
    from bench.errors import ConfigError

    try:
        return prepare(suite, Path())
    except ConfigError as error:
        raise ConfigError(
            f"nothing can be compared with {name} for these codecs and objectives: {error}"
        ) from error


def _claim(prepared: Prepared, place: Path) -> None:
    """Refuse a folder of another run before the attack searches for minutes."""
    from bench.engine.runner import describe
    from bench.store.run_folder import open_run

    with open_run(place, describe(prepared)):
        pass


def _run(prepared: Prepared, folder: Path, name: str) -> None:
    from bench.cli.output import say_now
    from bench.cli.run import run_into
    from bench.engine.executors import Options, executor
    from bench.engine.executors.automatic import expected_seconds, worker_count
    from bench.utils.terminal import duration

    plan = prepared.plan
    workers = worker_count(prepared)
    about = duration(expected_seconds(plan, workers))
    say_now(f"{name}: {len(plan.cells)} evaluations, about {about}; what is done is not repeated")
    run_into(prepared, folder, executor("auto", Options()))


def _test(arguments: argparse.Namespace) -> AttackTest:
    from bench.cli.key_values import parse_params
    from leaderboard.study.attacks.attack_test import BUNDLED, AttackTest

    return AttackTest(
        attack=_item([arguments.attack, *arguments.parameters]),
        codecs=BUNDLED if arguments.codec is None else [_item(words) for words in arguments.codec],
        images=own_pictures(arguments),
        objectives=arguments.objective,
        budgets=[dict(parse_params([budget])) for budget in arguments.budget],
        plugins=arguments.plugin,
    )


def _item(words: Sequence[str]) -> dict[str, Any]:
    """Return an item of a suite: a name, and its parameters after it."""
    from bench.cli.key_values import parse_params

    return {"name": words[0], **dict(parse_params(words[1:]))}


def _folder_name(test: AttackTest) -> str:
    """Return the name of the attack's run folder; another one when a plugin's file has changed."""
    import hashlib

    from bench.registry import plugins
    from leaderboard.publish.entry import slug

    files = [plugins.load(name, Path()).__file__ for name in test.plugins]
    code = b"".join(Path(file).read_bytes() for file in files if file is not None)
    digest = f"-{hashlib.sha256(code).hexdigest()[:8]}" if code else ""
    return f"{slug(test.label)}{digest}"
