"""The figures of the report; their lines stay distinguishable in grey print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboard.render.figures import in_legend, plain_numbers
from leaderboard.render.plots import STYLE, svg
from leaderboard.study.effects import AttackGoal, Means

_MARKERS = "os^Dv<>Pp*Xh"
_DARK = 0.85
"""The share of the colour map that is dark enough for lines on white paper."""


@dataclass(frozen=True)
class Panel:
    """One plot of a figure.

    Attributes:
        title: the title above it.
        goal: how its damage is counted.
        means: mean damage, by line label and budget.
    """

    title: str
    goal: AttackGoal
    means: Means


def figure(panels: Sequence[Panel], budgets: Sequence[str]) -> bytes:
    """Return an SVG of panels side by side: lines of damage over budgets.

    Args:
        panels: the plots; a line has the same colour and marker in all of them.
        budgets: labels of the budgets, from left to right.
    """
    names = list(dict.fromkeys(name for panel in panels for name, _ in panel.means))
    with mpl.rc_context({**STYLE}):
        image = Figure(figsize=(11, 4.6), layout="constrained")
        axes = image.subplots(1, len(panels))
        for ax, panel in zip(axes, panels, strict=True):
            _draw(ax, panel, budgets, names)
        handles, labels = axes[0].get_legend_handles_labels()
        image.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        return svg(image)


def _draw(axes: Axes, panel: Panel, budgets: Sequence[str], names: Sequence[str]) -> None:
    colours = mpl.colormaps["viridis"]
    for index, name in enumerate(names):
        points = [
            (x, panel.means[name, budget].mean)
            for x, budget in enumerate(budgets)
            if (name, budget) in panel.means
        ]
        axes.plot(
            [x for x, _ in points],
            [damage for _, damage in points],
            marker=_MARKERS[index % len(_MARKERS)],
            color=colours(_DARK * index / max(1, len(names) - 1)),
            label=in_legend(name),
        )
    axes.set_xticks(range(len(budgets)), budgets, rotation=45, ha="right")
    axes.set(title=panel.title, ylabel=panel.goal.header)
    if panel.means and panel.goal.objective != "distortion":
        axes.set_yscale("log")
        plain_numbers(axes.yaxis, (1, 2, 5))
