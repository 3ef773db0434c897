"""The commands that publish runs and doubt them: publish, verify."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError, ConfigError
from bench.store.run_folder import read_run
from bench.verify.findings import Event
from bench.verify.replan import replan
from bench.verify.run_folder import tally, verify
from leaderboard.audit.audit import audit_board, audit_challenge, audit_entry
from leaderboard.publish.challenge import CHALLENGE, challenge
from leaderboard.publish.entry import ENTRY, read_entry, refuse_plugins, run_of, slug
from leaderboard.publish.publish import publish, submission
from leaderboard.publish.published_board import ENTRIES, entries
from leaderboard.publish.submitted_pictures import read_submitted_pictures
from leaderboard.web.assets import libraries
from leaderboard.web.site import INDEX, write

_GIT_SECONDS = 10


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    doubted = commands.add_parser(
        "verify", help="code a run's or an entry's pictures again and compare; or check a board"
    )
    doubted.add_argument(
        "what", type=Path, help="a run folder, the folder of an entry, of a challenge or of a board"
    )
    doubted.set_defaults(command=_verify)
    published = commands.add_parser("publish", help="make entries of runs, and the board's pages")
    published.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders; none: only the pages"
    )
    published.add_argument("--to", type=Path, required=True, help="the board, such as leaderboard/")
    published.add_argument(
        "--codec", action="append", default=[], help="publish only this one, with all its qualities"
    )
    published.add_argument(
        "--challenge",
        type=Path,
        metavar="PICTURES",
        help="score adversarial pictures of your own, a folder of PNGs, an .npz or a .pt file, on"
        " the published --codec of --track",
    )
    published.add_argument("--track", help="of a --challenge")
    published.add_argument("--by", help="who publishes (git's user.name by default)")
    published.set_defaults(command=_publish)
    for parser in (doubted, published):
        parser.add_argument(
            "--suite-folder",
            type=Path,
            default=Path(),
            help="where relative paths in the suite start, if not here",
        )
        parser.add_argument(
            "--plugins",
            action="store_true",
            help="run the plugins that the entry or challenge names: code of whoever published it",
        )


def _verify(arguments: argparse.Namespace) -> None:
    what = arguments.what
    is_board = (what / INDEX).is_file() or (what / ENTRIES).is_dir()
    wrong = _wrong(what) if is_board else tally(_doubted(arguments), _say).findings
    if wrong:
        findings = "1 finding" if wrong == 1 else f"{wrong} findings"
        raise BenchError(f"{what} is not what it says: {findings} above")


def _wrong(board: Path) -> int:
    """Tell whether a board's pages are what its entries give; return how much is wrong."""
    count = len(entries(board))
    findings = list(audit_board(board))
    for one in findings:
        _say(f"WRONG  {one}")
    if not findings:
        told = f"exactly what its {count} entries give" if count else "of a board without entries"
        _say(f"the pages of {board} are {told}; no picture was coded again")
    return len(findings)


def _doubted(arguments: argparse.Namespace) -> Iterator[Event]:
    what, folder = arguments.what, arguments.suite_folder
    if (what / ENTRY).is_file():
        return audit_entry(what, folder, plugins=arguments.plugins)
    if (what / CHALLENGE).is_file():
        return audit_challenge(what, folder, plugins=arguments.plugins)
    return verify(read_run(what), folder)


def _publish(arguments: argparse.Namespace) -> None:
    if arguments.challenge is not None or arguments.track is not None:
        _challenge(arguments)
        return
    libraries()
    given = [submission(read_run(run), arguments.suite_folder) for run in arguments.runs]
    by = (arguments.by or _git_name()) if given else ""
    for one in given:
        for entry in publish(one, arguments.codec, arguments.to, by):
            _say(f"wrote {entry}")
    write(arguments.to)
    _say(f"wrote the pages of {arguments.to}")


def _challenge(arguments: argparse.Namespace) -> None:
    if (
        arguments.runs
        or len(arguments.codec) != 1
        or None in (arguments.challenge, arguments.track)
    ):
        raise ConfigError("a --challenge goes with one --codec, its --track, and no runs")
    libraries()
    (codec,) = arguments.codec
    folder = arguments.to / ENTRIES / arguments.track / slug(codec)
    entry = read_entry(folder)
    refuse_plugins(entry, folder, allowed=arguments.plugins)
    again = replan(run_of(entry, folder).manifest, arguments.suite_folder)
    pictures = read_submitted_pictures(arguments.challenge)
    by = arguments.by or _git_name()
    _say(f"wrote {challenge(entry, again, pictures, arguments.to, by)}")
    write(arguments.to)
    _say(f"wrote the pages of {arguments.to}")


def _git_name() -> str:
    """Return who works here, as git knows it."""
    git = shutil.which("git")
    asked = [git, "config", "user.name"] if git else [sys.executable, "-c", ""]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    if not told.stdout.strip():
        raise ConfigError("an entry says who published it; name yourself with --by")
    return told.stdout.strip()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
