"""The command line: `bench COMMAND`.

Each command is a module with HELP, EXAMPLE, `add_arguments(parser)` and `run(arguments)`. It
imports what it needs inside `run`, so that help, usage errors and lists start at once.
"""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import current_thread, main_thread
from typing import NoReturn

from bench import __version__
from bench.cli import CLOSED_PIPE, DONE, INTERRUPTED, NOT_DONE
from bench.cli.output import print_any_text
from bench.errors import BenchError, MachineError, one_line
from bench.images.datasets import PICTURES
from bench.isolation import CALL_LIMIT_S
from bench.utils.startup_call import limit_startup
from bench.utils.terminal import plain_line

COMMANDS = {
    "run": "bench.cli.run",
    "plan": "bench.cli.plan",
    "attack": "bench.cli.attack",
    "attack-test": "leaderboard.commands.attack_test",
    "compare": "leaderboard.commands.compare",
    "show": "leaderboard.commands.show",
    "leaderboard": "leaderboard.commands.leaderboard",
    "export": "leaderboard.commands.export",
    "verify": "leaderboard.commands.verify",
    "publish": "leaderboard.commands.publish",
    "report": "leaderboard.commands.report",
    "list": "bench.cli.list",
    "check": "bench.cli.check",
    "schema": "bench.cli.schema",
    "profile": "bench.cli.profile",
    "train": "bench.cli.train",
}
"""The module of each command. Those of the leaderboard are found by name, like plugins."""

_RESUMED = frozenset({"run", "attack", "attack-test", "compare", "train"})
"""The commands that go on where they ended."""

_PASSIVE = "OMP_WAIT_POLICY", "PASSIVE"
"""Set before torch is imported: its idle threads sleep instead of spinning on cores that codecs and
other workers need. The demo takes about half the time; results do not depend on it."""

_EXIT_STATUSES = """\
exit code: 0 done; 1 checked and failed (check, verify); 2 could not be done (usage, bad input);
130 interrupted; 141 output closed early. Try `bench run quick`, and `bench COMMAND --help`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after "bench"; those of the process if None.

    Returns:
        The exit status, see `_EXIT_STATUSES`.
    """
    os.environ.setdefault(*_PASSIVE)
    print_any_text()
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # set by the shell when TAB is pressed
        import argcomplete

        argcomplete.autocomplete(parser)
    if not words:
        parser.print_help()
        return DONE
    if words[0] not in COMMANDS and not words[0].startswith("-"):
        return _refuse(f"there is no command '{words[0]}'; {_nearest(words[0])}")
    parsed = parser.parse_args(words)
    try:
        with _terminated_like_interrupted(), _pictures_from(getattr(parsed, "pictures", None)):
            status: int | None = parsed.run(parsed)
            sys.stdout.flush()
    except BrokenPipeError:
        return _close_quietly()
    except (BenchError, OSError) as error:
        return _refuse(_sentence(error, words[0]))
    except KeyboardInterrupt:
        return _refuse(f"interrupted; {_remedy(words[0])}", INTERRUPTED)
    return status or DONE


def entry() -> NoReturn:
    """Run the command line of the process, and end it with all threads that plugins have started.

    Python would wait for their threads at its end, for ever.
    """
    limit_startup(CALL_LIMIT_S)
    status = main()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    if any(not one.daemon for one in threading.enumerate() if one is not main_thread()):
        os._exit(status)
    raise SystemExit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure how robust image codecs are against attacks.",
        epilog=_EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bench {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name, module in COMMANDS.items():
        command = import_module(module)
        own = commands.add_parser(
            name,
            help=command.HELP,
            description=f"{command.HELP[0].upper()}{command.HELP[1:]}.",
            epilog=f"example: {command.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which cluster schedulers send, like an interrupt from a terminal."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _pictures_from(folder: Path | None) -> Iterator[None]:
    """Set BENCH_PICTURES to the folder of `--pictures`, if given, while a command runs."""
    before = os.environ.get(PICTURES)
    if folder is not None:
        os.environ[PICTURES] = str(folder.absolute())
    try:
        yield
    finally:
        if before is not None:
            os.environ[PICTURES] = before
        elif folder is not None:
            os.environ.pop(PICTURES, None)


def _nearest(name: str) -> str:
    match = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    return f"did you mean '{match[0]}'?" if match else f"commands: {', '.join(COMMANDS)}"


def _refuse(sentence: str, status: int = NOT_DONE) -> int:
    with suppress(BrokenPipeError):
        sys.stderr.write(f"bench: {plain_line(sentence)}\n")
    return status


def _close_quietly() -> int:
    """Leave nothing for Python to flush into the closed pipe at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CLOSED_PIPE


def _remedy(command: str) -> str:
    """Return what to do about a command that did not come to its end."""
    kept = "what was finished is kept, " if command in _RESUMED else ""
    return f"{kept}run the same command again"


def _sentence(error: BenchError | OSError, command: str) -> str:
    """Return one line; an operating system's refusal names its file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}; choose another"
    if isinstance(error, MachineError):
        return f"{one_line(error)}; {_remedy(command)}"
    return one_line(error)
