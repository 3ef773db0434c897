"""Plots of a board as SVG: robustness against efficiency and time, curves, effect of the budget.

Board --matplotlib, no display--> [Plot], the same bytes for the same records
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import sweeps
from leaderboard.ranking.corruptions import kinds_of
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.figures import (
    axis_panels,
    budget_sweep,
    corruption_costs,
    goals_of,
    rate_distortion,
    robustness,
    smallest_budgets,
)
from leaderboard.render.plot import Plot

STYLE: Mapping[Any, object] = {
    "svg.hashsalt": "board",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
"""The style of all plots."""


def plots(board: Board, folder: str) -> list[Plot]:
    """Return the plots of a board.

    Args:
        board: what to show.
        folder: folder of the plots, relative to the page.
    """
    with mpl.rc_context({**STYLE}):
        parts = _of_comparisons(board, folder), _of_sweeps(board, folder), _of_axes(board, folder)
        return list(chain.from_iterable(parts))


def _of_comparisons(board: Board, folder: str) -> Iterator[Plot]:
    for number, one in enumerate(board.comparisons, 1):
        budget = str(one.budget)
        if lists := [ranking for ranking in one.rankings if ranking.lmbda == LAMBDAS[1]]:
            yield Plot(
                f"{folder}/robustness-{number}.svg",
                "robustness",
                one.runs,
                budget,
                f"{budget}: R-D cost under attack against clean R-D cost and against coding time",
                svg(robustness(one, lists)),
            )
        if any(len(curves.clean) > 1 for curves in one.curves):
            yield Plot(
                f"{folder}/curves-{number}.svg",
                "curves",
                one.runs,
                budget,
                f"{budget}: rate and PSNR, clean (dashed) and under attack",
                svg(rate_distortion(one)),
            )
        if goals_of(one):
            yield Plot(
                f"{folder}/smallest-{number}.svg",
                "smallest",
                one.runs,
                budget,
                f"{budget}: share of the pictures that reach a goal, against the budget",
                svg(smallest_budgets(one)),
            )
        if kinds_of(one.corrupted):
            yield Plot(
                f"{folder}/corruptions-{number}.svg",
                "corruptions",
                one.runs,
                budget,
                "R-D cost of corrupted pictures relative to the source pictures, against severity",
                svg(corruption_costs(one)),
            )


def _of_sweeps(board: Board, folder: str) -> Iterator[Plot]:
    for number, sweep in enumerate(sweeps(board.comparisons), 1):
        yield Plot(
            f"{folder}/budget-{number}.svg",
            "budget",
            sweep.runs,
            "",
            f"PSNR drop and rate increase against the {sweep.budgets[0].kind} budget",
            svg(budget_sweep(sweep)),
        )


def _of_axes(board: Board, folder: str) -> Iterator[Plot]:
    for number, axis in enumerate(axes_of(board), 1):
        yield Plot(
            f"{folder}/{axis.key}-{number}.svg",
            axis.key,
            (axis.run,),
            "",
            f"{axis.title}: {', '.join(panel.up for panel in axis.panels)}",
            svg(axis_panels(axis)),
        )


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG, the same bytes for the same figure; its reader's fonts draw text."""
    stream = io.BytesIO()
    for axes in figure.axes:
        _widen(axes.xaxis)
        _widen(axes.yaxis)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _widen(axis: Axis) -> None:
    """Widen a logarithmic axis whose ends differ by rounding only: it cannot be drawn."""
    low, high = axis.get_view_interval()
    if axis.get_scale() == "log" and high < 1.001 * low:
        axis.set_view_interval(low / 1.1, high * 1.1)
