"""All axes of a board."""

from __future__ import annotations

from itertools import chain

from leaderboard.ranking.board import Board
from leaderboard.render.axes.axis import Axis
from leaderboard.render.axes.bit_errors import bit_errors
from leaderboard.render.axes.generations import generations
from leaderboard.render.axes.reading import reading
from leaderboard.render.axes.resources import resources


def axes_of(board: Board) -> list[Axis]:
    """Return the axes of the runs of a board, those of one kind together."""
    measured = (generations, bit_errors, reading, resources)
    return list(chain.from_iterable(axes(board) for axes in measured))
