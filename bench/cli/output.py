"""What commands print, and where."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 120


def print_any_text() -> None:
    """Let output never fail on a character that the terminal's encoding lacks; it is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a line as it is."""
    sys.stdout.write(f"{text}\n")


def say_now(text: str) -> None:
    """Print a line that is seen at once, in a file too."""
    say(text)
    sys.stdout.flush()


def terminal() -> Console:
    """Return the terminal; where there is none, tables are laid out 120 characters wide."""
    from rich.console import Console

    class Terminal(Console):
        """A console that leaves a closed pipe to `bench.cli.main`."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Terminal(width=None if sys.stdout.isatty() else _WIDTH)
