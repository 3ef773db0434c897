"""The few pieces of markdown that the page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leaderboard.columns.list_fields import Field, Line
from leaderboard.formatting import escaped


def table(headers: Sequence[str], figures: Sequence[bool], lines: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        headers: titles of the columns, ours.
        figures: which columns stand to the right.
        lines: cells, which are escaped here.
    """
    rulers = ["---:" if is_figure else "---" for is_figure in figures]
    told = ([escaped(cell) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headers, rulers, *told))


def listing(fields: Sequence[Field[Line]], lines: Iterable[Line]) -> str:
    """Return a table of lines, one column for each field."""
    return table(
        [field.header for field in fields],
        [field.is_figure for field in fields],
        ([field.text(line) for field in fields] for line in lines),
    )


def bullets(lines: Iterable[str]) -> str:
    """Return a list; the lines are markdown."""
    return "\n".join(f"- {line}" for line in lines)


def folded(summary: str, blocks: Iterable[str]) -> Iterator[str]:
    """Yield blocks that a reader opens."""
    yield f"<details><summary>{summary}</summary>"
    yield from blocks
    yield "</details>"
