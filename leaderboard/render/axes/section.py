"""The parts of a markdown page on the axes of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.markdown import listing
from leaderboard.render.plot import Plot


def sections(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield a section for each axis of each run; nothing if no suite asks for one."""
    for axis in axes_of(board):
        yield f"## {axis.title}: {escaped(axis.run)}"
        yield escaped(axis.about)
        yield listing(axis.shown, axis.lines, intervals=False)
        for plot in plots:
            if (plot.about, plot.runs) == (axis.key, (axis.run,)):
                yield f"![{escaped(plot.caption)}]({quote(plot.path)})"
