"""`bench verify`: a run folder, an entry, a challenge or a board, checked."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import CHECK_FAILED, DONE, NOT_DONE
from bench.errors import ConfigError
from leaderboard.commands.arguments import add_trust

if TYPE_CHECKING:
    from bench.verify.findings import Event

HELP = "encode the pictures of a run, entry or challenge again and compare; or check a board"
EXAMPLE = "bench verify runs/quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "what",
        type=Path,
        metavar="FOLDER",
        help="a run folder, or the folder of an entry, of a challenge or of a board",
    )
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="instead decode its bitstreams with other threads, memory layouts and vector"
        " instructions, and on a GPU, and compare the pictures",
    )
    parser.add_argument("--json", action="store_true", help="with --elsewhere: the table as JSON")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what was checked and every finding.

    Returns:
        1 if there is a finding, 2 if the pictures to check are not on this machine.
    """
    if arguments.elsewhere:
        from leaderboard.commands.elsewhere import run_elsewhere

        return run_elsewhere(arguments)
    if arguments.json:
        raise ConfigError("--json needs --elsewhere; otherwise `bench verify` prints lines only")
    from bench.cli.output import say
    from bench.verify.run_folder import tally
    from leaderboard.publish.published_board import ENTRIES
    from leaderboard.web.site import INDEX

    what = arguments.what
    is_board = (what / INDEX).is_file() or (what / ENTRIES).is_dir()
    count = _board_findings(what) if is_board else 0
    done = tally(_samples(arguments) if is_board else _events(arguments), say)
    count += done.findings
    if count:
        findings = "1 finding" if count == 1 else f"{count} findings"
        say(f"{what} is not what it says: {findings} above")
        return CHECK_FAILED
    if done.unchecked:
        subject = (
            f"no picture of {what} was encoded again" if is_board else f"{what} was not checked"
        )
        say(
            f"{subject}; --pictures names the folder of the Kodak set, --suite-folder"
            " the one in which relative paths of the suite start"
        )
        return NOT_DONE
    return DONE


def _board_findings(board: Path) -> int:
    """Say whether a board's pages are what its entries give; return how much is wrong."""
    from bench.cli.output import say
    from leaderboard.audit.audit import audit_board
    from leaderboard.publish.published_board import entries

    say(f"checking the board {board}")
    count = len(entries(board))
    findings = list(audit_board(board))
    for finding in findings:
        say(f"WRONG  {finding}")
    if not findings:
        text = f"exactly what its {count} entries give" if count else "of a board without entries"
        say(f"the pages of {board} are {text}")
    return len(findings)


def _samples(arguments: argparse.Namespace) -> Iterator[Event]:
    from leaderboard.audit.sample import recode_samples

    return recode_samples(arguments.what, arguments.suite_folder, plugins=arguments.plugins)


def _events(arguments: argparse.Namespace) -> Iterator[Event]:
    from bench.cli.output import say
    from bench.store.run_folder import read_run
    from bench.verify.run_folder import verify
    from leaderboard.audit.audit import audit_challenge, audit_entry
    from leaderboard.publish.challenge import CHALLENGE
    from leaderboard.publish.entry import ENTRY
    from leaderboard.publish.entry_folder import current

    what, folder = current(arguments.what), arguments.suite_folder
    if (what / ENTRY).is_file():
        say(f"checking the entry {what}")
        return audit_entry(what, folder, plugins=arguments.plugins)
    if (what / CHALLENGE).is_file():
        say(f"checking the challenge {what}")
        return audit_challenge(what, folder, plugins=arguments.plugins)
    run = read_run(what)
    say(f"checking the run folder {what}")
    return verify(run, folder, plugins=arguments.plugins)
