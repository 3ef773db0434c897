"""Figures of the report, in grey and shapes that a printer keeps apart."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.formatting import plain
from leaderboard.render.figures import plain_numbers
from leaderboard.study.effects import AttackGoal

_MARKERS = "os^Dv<>Pp*Xh"
_STYLE: Mapping[Any, object] = {
    "svg.hashsalt": "paper",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
_DARK = 0.85
"""Share of the colours that is dark enough for lines on white paper."""


@dataclass(frozen=True)
class Panel:
    """One plot of a figure.

    Attributes:
        title: above it.
        target: in whose terms harm is counted.
        means: the harm of each line at each budget, by both labels.
    """

    title: str
    target: AttackGoal
    means: Mapping[tuple[str, str], Estimate]


def figure(panels: Sequence[Panel], budgets: Sequence[str]) -> bytes:
    """Return an SVG: panels side by side, their lines over the budgets.

    Args:
        panels: what is drawn; a line has one colour and one shape in all of them.
        budgets: labels, from left to right.
    """
    names = list(dict.fromkeys(name for panel in panels for name, _ in panel.means))
    with mpl.rc_context({**_STYLE}):
        drawn = Figure(figsize=(11, 4.6), layout="constrained")
        places = drawn.subplots(1, len(panels))
        for axes, panel in zip(places, panels, strict=True):
            _draw(axes, panel, budgets, names)
        handles, labels = places[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        stream = io.BytesIO()
        drawn.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        return stream.getvalue()


def _draw(axes: Axes, panel: Panel, budgets: Sequence[str], names: Sequence[str]) -> None:
    colours = mpl.colormaps["viridis"]
    for index, name in enumerate(names):
        points = [
            (at, panel.means[name, budget].mean)
            for at, budget in enumerate(budgets)
            if (name, budget) in panel.means
        ]
        axes.plot(
            [at for at, _ in points],
            [harm for _, harm in points],
            marker=_MARKERS[index % len(_MARKERS)],
            color=colours(_DARK * index / max(1, len(names) - 1)),
            label=plain(name).lstrip("_"),
        )
    axes.set_xticks(range(len(budgets)), budgets, rotation=45, ha="right")
    axes.set(title=panel.title, ylabel=panel.target.header)
    if panel.means and panel.target.objective != "distortion":
        axes.set_yscale("log")
        plain_numbers(axes.yaxis, (1, 2, 5))
