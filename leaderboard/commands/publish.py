"""`bench publish`: entries of runs, challenges, and the pages of a board."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands.arguments import add_trust

HELP = "make entries of runs, or score a challenge, and write the pages of a board"
EXAMPLE = "bench publish runs/linf8-v2 --to leaderboard --by 'Ada Lovelace'"
_GIT_SECONDS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders; none: only the pages"
    )
    parser.add_argument("--to", type=Path, required=True, help="the board, such as leaderboard/")
    parser.add_argument(
        "--codec",
        action="append",
        default=[],
        help="publish only this codec, at every quality setting",
    )
    parser.add_argument(
        "--challenge",
        type=Path,
        metavar="PICTURES",
        help="score adversarial pictures of your own (a folder of PNGs, an .npz or a .pt file)"
        " on the published --codec of --track",
    )
    parser.add_argument("--track", help="of a --challenge")
    parser.add_argument("--by", help="who publishes (git's user.name by default)")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write entries or a challenge, then the pages."""
    from bench.cli.output import say
    from leaderboard.web.assets import libraries
    from leaderboard.web.site import write

    arguments.to = arguments.to.absolute()  # a codec can change the working directory
    libraries()
    if arguments.challenge is not None or arguments.track is not None:
        _write_challenge(arguments)
    else:
        _write_entries(arguments)
    write(arguments.to)
    say(f"wrote the pages of {arguments.to}")


def _write_entries(arguments: argparse.Namespace) -> None:
    from bench.cli.output import say
    from bench.store.run_folder import read_run
    from leaderboard.publish.publish import publish, submission

    folder, plugins = arguments.suite_folder, arguments.plugins
    submissions = [submission(read_run(run), folder, plugins=plugins) for run in arguments.runs]
    publisher = _publisher(arguments) if submissions else ""
    for one in submissions:
        for entry in publish(one, arguments.codec, arguments.to, publisher):
            say(f"wrote {entry}")


def _write_challenge(arguments: argparse.Namespace) -> None:
    from bench.cli.output import say
    from bench.errors import ConfigError, MissingPicturesError
    from bench.verify.consent import refuse_foreign_code
    from bench.verify.replan import replan
    from leaderboard.publish.challenge import challenge
    from leaderboard.publish.entry import run_of
    from leaderboard.publish.published_board import entry_named
    from leaderboard.publish.submitted_pictures import read_submitted_pictures

    if (
        arguments.runs
        or len(arguments.codec) != 1
        or None in (arguments.challenge, arguments.track)
    ):
        raise ConfigError("a --challenge goes with one --codec, its --track, and no runs")
    (codec,) = arguments.codec
    published = entry_named(arguments.to, arguments.track, codec)
    entry = published.entry
    refuse_foreign_code(entry.suite, published.folder, entry.by, allowed=arguments.plugins)
    run = run_of(entry, published.folder)
    try:
        again = replan(run.manifest, arguments.suite_folder)
    except MissingPicturesError as error:
        raise MissingPicturesError(f"{arguments.challenge} is not checked: {error}") from error
    pictures = read_submitted_pictures(arguments.challenge)
    publisher = _publisher(arguments)
    say(f"wrote {challenge(entry, run, again, pictures, arguments.to, publisher)}")


def _publisher(arguments: argparse.Namespace) -> str:
    from bench.errors import ConfigError, writable

    by: str = arguments.by or _git_name()
    if writable(by) != by:
        raise ConfigError(f"the publisher {by!r} is no text; write --by in UTF-8")
    return by


def _git_name() -> str:
    """Return who works here, as git knows it."""
    import shutil
    import subprocess
    import sys

    from bench.errors import ConfigError

    git = shutil.which("git")
    command = [git, "config", "user.name"] if git else [sys.executable, "-c", ""]
    done = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=False)
    name = done.stdout.decode("utf-8", errors="replace").strip()
    if not name:
        raise ConfigError("an entry says who published it; name yourself with --by")
    return name
