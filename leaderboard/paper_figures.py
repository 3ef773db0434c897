"""Figures of the report, in grey and shapes that a printer keeps apart."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboard.axes import plain_numbers
from leaderboard.formats import plain
from leaderboard.study import TARGETS, Axis, Effect, Target, averages

_MARKERS = "os^Dv<>Pp*Xh"
_STYLE: Mapping[Any, object] = {
    "svg.hashsalt": "paper",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def figure(found: Sequence[Effect], axis: Axis, budgets: Sequence[str]) -> bytes:
    """Return an SVG: one panel a target, one line a value of the axis, over the budgets.

    Args:
        found: what is averaged.
        axis: what the lines are.
        budgets: labels, from left to right.
    """
    with mpl.rc_context({**_STYLE}):
        drawn = Figure(figsize=(11, 4.6), layout="constrained")
        panels = drawn.subplots(1, len(TARGETS))
        names = list(dict.fromkeys(axis(one) for one in found))
        for axes, target in zip(panels, TARGETS, strict=True):
            _panel(axes, found, axis, target, budgets, names)
        handles, labels = panels[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        stream = io.BytesIO()
        drawn.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        return stream.getvalue()


def _panel(
    axes: Axes,
    found: Sequence[Effect],
    axis: Axis,
    target: Target,
    budgets: Sequence[str],
    names: Sequence[str],
) -> None:
    means = averages(found, axis, target)
    colours = mpl.colormaps["viridis"].resampled(max(2, len(names)))
    for index, name in enumerate(names):
        points = [
            (at, means[name, budget].mean)
            for at, budget in enumerate(budgets)
            if (name, budget) in means
        ]
        axes.plot(
            [at for at, _ in points],
            [harm for _, harm in points],
            marker=_MARKERS[index % len(_MARKERS)],
            color=colours(index),
            label=plain(name).lstrip("_"),
        )
    axes.set_xticks(range(len(budgets)), budgets, rotation=45, ha="right")
    axes.set(title=f"wanted: {target.objective}", ylabel=target.header)
    if means and target.objective != "distortion":
        axes.set_yscale("log")
        plain_numbers(axes.yaxis, (1, 2, 5))
