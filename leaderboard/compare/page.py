"""The page of a comparison: sentences first, then one table, one plot, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.compare.table import COLUMNS, Line, lines
from leaderboard.conclusions.points import groups, last_generation
from leaderboard.conclusions.sentences import conclusions, generations
from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, legend, listing


@dataclass(frozen=True)
class Section:
    """One budget of a comparison.

    Attributes:
        heading: the budget.
        sentences: what the records show, in plain text.
        lines: the lines of the table.
    """

    heading: str
    sentences: tuple[str, ...]
    lines: tuple[Line, ...]


def sections(board: Board, repeated: Board | None = None) -> list[Section]:
    """Return the sections of a board, one for each comparison.

    Args:
        board: the attacks.
        repeated: a run of the same operating points with the metric `generations`.
    """
    return [_section(board, one, repeated) for one in board.comparisons]


def page(title: str, parts: Sequence[Section], plots: Sequence[str], notes: Sequence[str]) -> str:
    """Return the page in markdown.

    Args:
        title: its title, in plain text.
        parts: its sections.
        plots: path of the plot of each section, relative to the page.
        notes: how the comparison was made, one line of markdown each.
    """
    blocks = [f"# {escaped(title)}"]
    for part, plot in zip(parts, plots, strict=True):
        blocks += _blocks(part, plot, has_heading=len(parts) > 1)
    return "\n\n".join([*blocks, legend(COLUMNS[1:]), bullets(notes)]) + "\n"


def name_of_plot(folder: str, number: int) -> str:
    """Return the path of the plot of a section, relative to the page."""
    return f"{folder}/comparison-{number}.svg"


def _section(board: Board, one: Comparison, repeated: Board | None) -> Section:
    measured, other = (board, one) if repeated is None else (repeated, repeated.comparisons[0])
    metric = last_generation(measured, other)
    points = [point for group in groups(other) for point in group.points]
    losses = {} if metric is None else {point.name: point.lost(metric) for point in points}
    complete = [point for point in points if point.is_complete]
    again = [] if repeated is None else generations(complete, metric)
    return Section(
        words.heading(one.budget),
        (*conclusions(board, one), *again),
        tuple(lines(groups(one), losses)),
    )


def _blocks(part: Section, plot: str, *, has_heading: bool) -> Iterator[str]:
    if has_heading:
        yield f"## {escaped(part.heading)}"
    yield escaped(" ".join(part.sentences))
    yield listing(COLUMNS, part.lines)
    yield f"![Rate and PSNR, clean and under attack]({Path(plot).as_posix()})"
