"""The pieces of markdown that pages consist of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leaderboard.columns.column import Column, Line
from leaderboard.formatting import escaped


def table(headers: Sequence[str], figures: Sequence[bool], lines: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        headers: titles of the columns, not escaped here.
        figures: which columns are aligned to the right.
        lines: cells, which are escaped here.
    """
    rulers = ["---:" if is_figure else "---" for is_figure in figures]
    rows = ([escaped(cell) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headers, rulers, *rows))


def listing(
    columns: Sequence[Column[Line]], lines: Iterable[Line], *, intervals: bool = True
) -> str:
    """Return a table of lines.

    Args:
        columns: the columns.
        lines: one for each row of the table.
        intervals: whether means have their 95 % intervals beside them.
    """
    return table(
        [escaped(column.title) for column in columns],
        [not column.is_text for column in columns],
        (
            [column.whole(line) if intervals else column.text(line) for column in columns]
            for line in lines
        ),
    )


def legend(columns: Iterable[Column[Line]]) -> str:
    """Return a list of what columns mean."""
    return bullets(f"**{escaped(column.title)}**: {escaped(column.meaning)}." for column in columns)


def bullets(lines: Iterable[str]) -> str:
    """Return a list; the lines are markdown."""
    return "\n".join(f"- {line}" for line in lines)


def folded(summary: str, blocks: Iterable[str]) -> Iterator[str]:
    """Yield blocks that are hidden until a reader opens them."""
    yield f"<details><summary>{summary}</summary>"
    yield from blocks
    yield "</details>"
