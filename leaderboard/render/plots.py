"""Plots of a board as SVG: robustness against efficiency and time, curves, effect of the budget.

Board --matplotlib, no display--> [Plot], the same bytes for the same records
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import sweeps
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render.figures import (
    budget_sweep,
    goals_of,
    rate_distortion,
    robustness,
    smallest_budgets,
)
from leaderboard.render.plot import Plot

_STYLE: Mapping[Any, object] = {
    "svg.hashsalt": "board",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def plots(board: Board, folder: str) -> list[Plot]:
    """Return the plots of a board.

    Args:
        board: what to show.
        folder: folder of the plots, relative to the page.
    """
    with mpl.rc_context({**_STYLE}):
        return [*_of_comparisons(board, folder), *_of_sweeps(board, folder)]


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
                _svg(robustness(one, lists)),
            )
        if any(len(curves.clean) > 1 for curves in one.curves):
            yield Plot(
                f"{folder}/curves-{number}.svg",
                "curves",
                one.runs,
                budget,
                f"{budget}: rate and PSNR, clean (dashed) and under attack",
                _svg(rate_distortion(one)),
            )
        if goals_of(one):
            yield Plot(
                f"{folder}/smallest-{number}.svg",
                "smallest",
                one.runs,
                budget,
                f"{budget}: share of the pictures that reach a goal, against the budget",
                _svg(smallest_budgets(one)),
            )


def _of_sweeps(board: Board, folder: str) -> Iterator[Plot]:
    for number, sweep in enumerate(sweeps(board.comparisons), 1):
        yield Plot(
            f"{folder}/budget-{number}.svg",
            "budget",
            sweep.runs,
            "",
            f"PSNR drop and rate increase against the {sweep.budgets[0].kind} budget",
            _svg(budget_sweep(sweep)),
        )


def _svg(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()
