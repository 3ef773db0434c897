"""Plots of a board as SVG: robustness against efficiency and time, curves, growth with the budget.

Board --matplotlib, no display--> [Plot], the same bytes for the same records
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import sweeps
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render.figures import growth, rate_distortion, robustness

_STYLE: Mapping[Any, object] = {
    "svg.hashsalt": "board",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


@dataclass(frozen=True)
class Plot:
    """One picture beside the page.

    Attributes:
        path: of its file, relative to the page.
        about: "robustness", "curves" or "budget".
        runs: names of the runs it is of.
        budget: label of the budget; empty where it shows several.
        caption: what it shows, in words.
        svg: the file.
    """

    path: str
    about: str
    runs: tuple[str, ...]
    budget: str
    caption: str
    svg: bytes


def plots(board: Board, folder: str) -> list[Plot]:
    """Return the plots of a board.

    Args:
        board: what to show.
        folder: where the page will find them.
    """
    with mpl.rc_context({**_STYLE}):
        return [*_of_comparisons(board, folder), *_of_sweeps(board, folder)]


def _of_comparisons(board: Board, folder: str) -> Iterator[Plot]:
    for number, one in enumerate(board.comparisons, 1):
        budget = str(one.budget)
        if lists := [ranking for ranking in one.rankings if ranking.lmbda == LAMBDAS[1]]:
            caption = "attacked cost against unattacked cost and against coding time"
            yield Plot(
                f"{folder}/robustness-{number}.svg",
                "robustness",
                one.runs,
                budget,
                f"{budget}: {caption}",
                _svg(robustness(one, lists)),
            )
        if any(len(curves.clean) > 1 for curves in one.curves):
            yield Plot(
                f"{folder}/curves-{number}.svg",
                "curves",
                one.runs,
                budget,
                f"{budget}: rate and PSNR, unattacked (dashed) and attacked",
                _svg(rate_distortion(one)),
            )


def _of_sweeps(board: Board, folder: str) -> Iterator[Plot]:
    for number, sweep in enumerate(sweeps(board.comparisons), 1):
        caption = f"PSNR lost and growth of the rate against the {sweep.budgets[0].kind} budget"
        yield Plot(
            f"{folder}/budget-{number}.svg",
            "budget",
            sweep.runs,
            "",
            caption,
            _svg(growth(sweep)),
        )


def _svg(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()
