"""The plot of a comparison: rate and PSNR without an attack and under attack."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboard.compare.table import Line
from leaderboard.render.figures import in_legend
from leaderboard.render.plots import STYLE, svg

_SIZE = (7, 4.5)


def rate_and_psnr(lines: Sequence[Line], title: str) -> bytes:
    """Draw an arrow for each codec from its clean rate and PSNR to those under attack, as SVG.

    The adversarial pictures are those with the highest R-D cost. A filled mark shows a codec that
    was attacked through its own gradients. A lossless codec has no finite PSNR and is left out.
    """
    with mpl.rc_context({**STYLE}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for index, line in enumerate(lines):
            if line.point.is_lossy:
                _arrow(axes, line, mpl.colormaps["tab10"](index % 10))
        axes.set(title=title, xlabel="bits per pixel", ylabel="PSNR dB")
        axes.legend(frameon=False)
        return svg(figure)


def _arrow(axes: Axes, line: Line, colour: tuple[float, ...]) -> None:
    point = line.point
    clean = (point.rate, fmean(point.psnr.values()))
    fill = colour if point.row.place.through_gradients else "none"
    label = in_legend(point.name)
    axes.plot(*clean, "o", color=colour, markerfacecolor=fill, label=label)
    worst = [attack.scores for attack in point.costs.attacked.deciders.values()]
    if worst:
        attacked = fmean(one.bpp for one in worst), fmean(one.psnr_source for one in worst)
        axes.plot(*attacked, "s", color=colour, markerfacecolor=fill)
        arrow = {"arrowstyle": "->", "color": colour, "shrinkA": 5, "shrinkB": 5}
        axes.annotate("", xy=attacked, xytext=clean, arrowprops=arrow)
