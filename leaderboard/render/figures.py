"""The figures of a board, drawn with matplotlib without a display."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.goals import Goal
from leaderboard.aggregate.rows import Row
from leaderboard.formatting import plain
from leaderboard.ranking.comparison import Comparison, Line, Sweep
from leaderboard.ranking.corruptions import CorruptedCodec, kinds_of
from leaderboard.ranking.ranking import ALL, Ranking, Standing
from leaderboard.ranking.rd_curves import Curve, Curves
from leaderboard.render.axes.axis import Axis as Measured


def plain_numbers(axis: Axis, digits: Sequence[float]) -> None:
    """Label a logarithmic axis with plain numbers that begin with some digits."""
    axis.set_major_locator(LogLocator(subs=digits))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


Colours = dict[str, tuple[float, ...]]
"""One colour for each name."""

_ACROSS = 5
"""Largest number of kinds of corruption beside each other."""

_LEGEND = 30
"""Number of names above which no legend is drawn."""

_CHARACTERS, _HANDLE, _LINE = 14, 6, 0.2
"""Size of a legend: characters per inch, characters that a mark takes, inches per line."""


def robustness(comparison: Comparison, lists: Sequence[Ranking]) -> Figure:
    """Draw R-D cost under attack against clean R-D cost, and against coding time if it is known.

    Args:
        comparison: what is compared.
        lists: its rankings at one lambda.
    """
    unit = "clean VVC = 1" if comparison.baseline else "bits per pixel"
    lines = [line for ranking in lists if ranking.scope is not ALL for line in ranking.standings]
    panels = 1 + any(map(_seconds, lines))
    figure, axes = _figure(panels, f"R-D cost under attack, lower is better ({unit})")
    colours = _colours([family.name for family in comparison.families])
    for panel in axes:
        panel.set(xscale="log", yscale="log", ylabel="R-D cost under attack")
        plain_numbers(panel.yaxis, (1, 1.5, 2, 3, 5, 7))
    _draw_efficiency(axes[0], lines, unit, colours)
    for time in axes[1:]:
        _draw_times(time, lines, colours)
    _legend(figure, axes[0])
    return figure


def _draw_efficiency(axes: Axes, lines: Sequence[Standing], unit: str, colours: Colours) -> None:
    for line in lines:
        _dot(axes, line, line.efficiency.value if line.efficiency else None, colours)
    plain_numbers(axes.xaxis, (1, 1.5, 2, 3, 5, 7))
    axes.axline((1, 1), (2, 2), color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel=f"clean R-D cost ({unit}); dotted line: no increase")


def _draw_times(axes: Axes, lines: Sequence[Standing], colours: Colours) -> None:
    for line in lines:
        _dot(axes, line, _seconds(line), colours)
    plain_numbers(axes.xaxis, (1,))
    axes.set(xlabel="encoding and decoding, seconds per megapixel")


def rate_distortion(comparison: Comparison) -> Figure:
    """Draw the curves of all families, one panel for each objective."""
    objectives = list(dict.fromkeys(curves.objective for curves in comparison.curves))
    title = "PSNR against rate, clean (dashed) and under attack"
    figure, panels = _figure(len(objectives), title)
    colours = _colours([family.name for family in comparison.families])
    for axes, objective in zip(panels, objectives, strict=True):
        for curves in comparison.curves:
            if curves.objective == objective:
                _curves(axes, curves, colours)
        axes.set(
            xlabel="bits per pixel", ylabel="PSNR dB", title=in_legend(f"objective: {objective}")
        )
    _legend(figure, panels[0])
    return figure


def budget_sweep(sweep: Sweep) -> Figure:
    """Draw PSNR drop and rate increase against the budget."""
    figure, (drop, rate) = _figure(2, "Worst case of each picture, then the mean")
    colours = _colours([line.codec for line in sweep.lines])
    for line in sweep.lines:
        radii = [step.radius for step in line.steps]
        _band(drop, line, radii, [step.drop_db for step in line.steps], colours)
        _band(rate, line, radii, [step.bpp_factor for step in line.steps], colours)
    budget = f"budget, {sweep.budgets[0].kind} in {sweep.budgets[0].unit}"
    drop.set(xlabel=budget, ylabel="PSNR drop, dB")
    rate.set(xlabel=budget, ylabel="rate increase (clean = 1)")
    _legend(figure, drop)
    return figure


def goals_of(comparison: Comparison) -> list[Goal]:
    """Return the goals of the searches for the smallest perturbation, each once."""
    return list(dict.fromkeys(goal for row in _rows(comparison) for goal in row.smallest))


def smallest_budgets(comparison: Comparison) -> Figure:
    """Draw the share of pictures that reach each goal against the budget, one panel for each."""
    goals = goals_of(comparison)
    figure, panels = _figure(len(goals), "Pictures that reach a goal (dashed: without gradients)")
    rows = [row for row in _rows(comparison) if row.smallest]
    colours = _colours([row.place.codec for row in rows])
    for axes, goal in zip(panels, goals, strict=True):
        for row in rows:
            _shares(axes, row, goal, colours[row.place.codec])
        budget = f"budget, {comparison.budget.kind} in {comparison.budget.unit}"
        axes.set(xlabel=budget, ylabel="share of the pictures", title=in_legend(str(goal)))
        axes.set(xlim=(0, _farthest(rows, goal)), ylim=(0, 1.02))
    _legend(figure, panels[0])
    return figure


def corruption_costs(comparison: Comparison) -> Figure:
    """Draw the R-D cost of corrupted pictures relative to the clean one, one panel a kind."""
    codecs = comparison.corrupted
    kinds = kinds_of(codecs)
    across = min(_ACROSS, len(kinds))
    down = math.ceil(len(kinds) / across)
    figure = Figure(figsize=(max(8, 2.2 * across), 0.8 + 1.9 * down), layout="constrained")
    figure.suptitle("R-D cost of corrupted pictures relative to the source pictures", fontsize=11)
    panels = list(figure.subplots(down, across, squeeze=False, sharex=True).flat)
    colours = _colours([codec.family for codec in codecs])
    for axes, kind in zip(panels, kinds, strict=False):
        _severities(axes, codecs, kind, colours)
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    _legend(figure, panels[0])
    return figure


def axis_panels(axis: Measured) -> Figure:
    """Draw the panels of an axis of a run."""
    figure, drawn = _figure(len(axis.panels), axis.title)
    names = dict.fromkeys(one.name for panel in axis.panels for one in panel.series)
    colours = _colours(list(names))
    for axes, panel in zip(drawn, axis.panels, strict=True):
        for one in panel.series:
            axes.plot(one.x, one.y, marker="o", color=colours[one.name], label=in_legend(one.name))
        axes.set(xlabel=panel.across, ylabel=panel.up)
        if panel.is_logarithmic:
            axes.set(xscale="log")
            low, high = axes.get_xlim()
            plain_numbers(axes.xaxis, (1,) if high > 30 * low else (1, 1.5, 2, 3, 5, 7))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure, *drawn)
    return figure


def _severities(axes: Axes, codecs: Sequence[CorruptedCodec], kind: str, colours: Colours) -> None:
    """Draw the cost of one kind against its severity."""
    axes.set(title=in_legend(kind), xlabel="severity")
    axes.axhline(1, color="grey", linewidth=0.8, linestyle=":")
    for codec in codecs:
        effects = (effect for effect in codec.effects if effect.kind == kind)
        costs = [pair for effect in effects for pair in effect.by_severity.items()]
        known = [(severity, cost.value) for severity, cost in costs if cost is not None]
        x, y = [severity for severity, _ in known], [value for _, value in known]
        axes.plot(x, y, marker=".", color=colours[codec.family], label=in_legend(codec.family))


def _farthest(rows: Sequence[Row], goal: Goal) -> float:
    """Return the budget up to which shares are drawn: a little above the largest finite size."""
    found = [row.smallest[goal] for row in rows if goal in row.smallest]
    sizes = (size for one in found for size in one.sizes[: one.reached])
    return min(1.1 * max(sizes, default=math.inf), found[0].largest)


def _rows(comparison: Comparison) -> list[Row]:
    return [member.row for family in comparison.families for member in family.members]


def _shares(axes: Axes, row: Row, goal: Goal, colour: tuple[float, ...]) -> None:
    """Draw the steps of one operating point, up to the largest budget."""
    if goal not in row.smallest:
        return
    smallest = row.smallest[goal]
    sizes = smallest.sizes[: smallest.reached]
    shares = [count / len(smallest.sizes) for count in range(len(sizes) + 1)]
    axes.step(
        [0.0, *sizes, smallest.largest],
        [*shares, shares[-1]],
        "-" if row.place.through_gradients else "--",
        where="post",
        color=colour,
        label=in_legend(row.place.codec),
    )


def _figure(panels: int, title: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(max(8, 4.5 * panels), 4.5), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _colours(names: Sequence[str]) -> Colours:
    """Return distinct colours as far as the palette has them."""
    palette = mpl.colormaps["tab10" if len(names) <= 10 else "tab20"]
    return {name: palette(index % palette.N) for index, name in enumerate(names)}


def _legend(figure: Figure, *panels: Axes) -> None:
    pairs = (zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels)
    named = {label: handle for handle, label in chain.from_iterable(pairs)}
    handles, labels = list(named.values()), list(named)
    if 0 < len(labels) <= _LEGEND:
        widest = (max(map(len, labels)) + _HANDLE) / _CHARACTERS
        columns = max(1, min(3, int(figure.get_figwidth() / widest)))
        figure.set_figheight(figure.get_figheight() + len(labels) / columns * _LINE)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _dot(axes: Axes, line: Standing, x: float | None, colours: Colours) -> None:
    if line.robustness is None or not x:
        return
    is_own = line.family.through_gradients
    colour, reach = colours[line.family.name], line.robustness.reach
    axes.errorbar(
        x,
        line.robustness.value,
        yerr=None if reach is None else [[reach[0]], [reach[1]]],
        fmt="o" if is_own else "s",
        markerfacecolor=colour if is_own else "none",
        capsize=3,
        color=colour,
        label=_label(line.family.name, is_own=is_own),
    )


def _seconds(line: Standing) -> float | None:
    return None if line.encoding is None or line.decoding is None else line.encoding + line.decoding


def _curves(axes: Axes, curves: Curves, colours: Colours) -> None:
    colour, is_own = colours[curves.family], curves.through_gradients
    _curve(axes, curves.clean, color=colour, linestyle="--", marker=".", alpha=0.6)
    _curve(
        axes,
        curves.attacked,
        color=colour,
        marker="o" if is_own else "s",
        markerfacecolor=colour if is_own else "none",
        label=_label(curves.family, is_own=is_own),
    )


def _curve(axes: Axes, curve: Curve, **style: object) -> None:
    axes.plot([point.bpp for point in curve], [point.psnr for point in curve], **style)  # type: ignore[arg-type]


def _band(
    axes: Axes,
    line: Line,
    radii: Sequence[float],
    estimates: Sequence[Estimate | None],
    colours: Colours,
) -> None:
    known = [(radius, one) for radius, one in zip(radii, estimates, strict=True) if one is not None]
    x, y = [radius for radius, _ in known], [one.mean for _, one in known]
    style = "-" if line.through_gradients else "--"
    colour = colours[line.codec]
    axes.plot(x, y, style, marker="o", color=colour, label=in_legend(line.codec))
    low, high = ([getattr(one, end) for _, one in known] for end in ("low", "high"))
    if x and None not in (*low, *high):
        axes.fill_between(x, low, high, color=colour, alpha=0.15)


def _label(family: str, *, is_own: bool) -> str:
    return in_legend(f"{family} ({'through its' if is_own else 'without'} gradients)")


def in_legend(name: str) -> str:
    """Return a foreign name for a legend; matplotlib hides names that begin with _."""
    return plain(name).lstrip("_")
