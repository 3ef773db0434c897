"""What commands print, and where."""

from __future__ import annotations

import io
import sys

from bench.utils.terminal import plain_line


def print_any_text() -> None:
    """Let output never fail on a character that the terminal's encoding lacks; it is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print one line, without anything that controls the terminal."""
    sys.stdout.write(f"{plain_line(text)}\n")


def say_lines(text: str) -> None:
    """Print lines in the same way."""
    for line in text.split("\n"):
        say(line)


def say_now(text: str) -> None:
    """Print a line that is seen at once, in a file too."""
    say(text)
    sys.stdout.flush()
