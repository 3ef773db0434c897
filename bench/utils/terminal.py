"""Text for the terminal. Labels and records can come from strangers, so text controls nothing.

Every command prints through `plain_line` or a console of `terminal`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 120
_INSTEAD = "\N{REPLACEMENT CHARACTER}"


def plain_line(text: str) -> str:
    """Return text on one line.

    Characters that are not printable are replaced: line ends, escape sequences, and marks that
    change the direction of writing.
    """
    return "".join(character if character.isprintable() else _INSTEAD for character in text)


def duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def terminal() -> Console:
    """Return the terminal; where there is none, tables are laid out 120 characters wide.

    It shows all text as it is: it knows no markup, and only its own styles control the terminal.
    """
    from rich.console import Console, ConsoleOptions, RenderableType  # noqa: PLC0415 - slow
    from rich.segment import Segment  # noqa: PLC0415

    class Terminal(Console):
        """A console for text of strangers. It leaves a closed pipe to `bench.cli.main`."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else _plain_lines(text), style, control)

    return Terminal(width=None if sys.stdout.isatty() else _WIDTH, markup=False, emoji=False)


def _plain_lines(text: str) -> str:
    return "\n".join(map(plain_line, text.split("\n")))
