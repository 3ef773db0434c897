"""The plots of the published page, as plotly.js draws them.

Names come from third parties, and plotly interprets some HTML in texts, so names are escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.formatting import plain, steady
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison, Sweep, sweeps
from leaderboard.ranking.comparison import Line as SweepLine
from leaderboard.ranking.ranking import Standing, main_rankings
from leaderboard.ranking.rd_costs import Ratio
from leaderboard.ranking.rd_curves import Curve
from leaderboard.render import descriptions as words
from leaderboard.render import suite_in_words

PALETTE = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#ee8866",
    "#44bb99",
    "#99ddff",
    "#aaaa00",
    "#ffaabb",
    "#888888",
)
"""Paul Tol's bright and light schemes: safe for colour-blind readers and on both backgrounds."""

_SHAPES = ("circle", "diamond", "square", "triangle-up")
"""One shape for every twelve families."""

_MARKS = (
    "Filled marks: attacked through their own gradients. Open marks: attacked without gradients,"
    " which is the easier test."
)

_COSTS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7)
"""First digits of the numbers on an axis of R-D costs."""

_Marks: TypeAlias = dict[str, tuple[str, str]]
"""Colour and shape of each family, by its name."""


@dataclass(frozen=True)
class Chart:
    """One plot.

    Attributes:
        title: what it shows.
        about: how to read it.
        traces: plotly's `data`.
        axes: titles and kinds of the axes: plotly's `layout`.
        run: name of the run it shows; empty if it shows several.
    """

    title: str
    about: str
    traces: tuple[dict[str, Any], ...]
    axes: dict[str, Any]
    run: str = ""


def charts(board: Board) -> list[Chart]:
    """Return the plots of a board."""
    plots = [
        replace(chart, title=f"{words.place(one)}: {chart.title}", run=one.runs[0])
        for one in board.comparisons
        for chart in _of_comparison(one)
    ]
    plots += [chart for sweep in sweeps(board.comparisons) for chart in _of_sweep(sweep)]
    return [replace(chart, traces=_steady(chart.traces)) for chart in plots]


def codec_chart(codec: str, comparisons: Sequence[Comparison]) -> Chart | None:
    """Return the curves of one codec on all tracks; None if it has none.

    The attacks are those on the R-D cost, or on the first objective of a track without it.
    """
    traces: list[dict[str, Any]] = []
    for index, one in enumerate(comparisons):
        own = [curves for curves in one.curves if curves.family == codec]
        found = next(
            (curves for curves in own if curves.objective == "rd"), own[0] if own else None
        )
        if found is not None:
            marks = {words.place(one): (PALETTE[index % len(PALETTE)], "circle")}
            traces += (
                _line(words.place(one), found.clean, marks, is_clean=True),
                _line(words.place(one), found.attacked, marks, is_clean=False),
            )
    if not traces:
        return None
    return Chart(
        "Rate and PSNR",
        "Dashed, with crosses: clean. Solid: under attack. Higher and further left is better.",
        _steady(traces),
        {
            "xaxis": {"title": {"text": "bits per pixel"}},
            "yaxis": {"title": {"text": "PSNR dB"}},
        },
    )


def _steady(traces: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return traces with the digits in which machines agree."""
    return tuple(json.loads(json.dumps(traces), parse_float=lambda text: steady(float(text))))


def _of_comparison(one: Comparison) -> Iterator[Chart]:
    lines = [
        line
        for ranking in main_rankings(one.rankings)
        for line in ranking.standings
        if line.robustness is not None
    ]
    unit = "clean VVC = 1" if one.baseline else "bits per pixel"
    if lines:
        yield _times(one, lines, unit)
    for objective in dict.fromkeys(curves.objective for curves in one.curves):
        yield _rate_distortion(one, objective)


def _times(one: Comparison, lines: Sequence[Standing], unit: str) -> Chart:
    marks = _marks(one)
    timed = [line for line in lines if line.encoding is not None and line.decoding is not None]
    return Chart(
        "R-D cost under attack against coding time",
        "Lower is more robust, further left is faster: seconds to encode and decode a megapixel, on"
        f" the machines named under Entries. {_MARKS}",
        tuple(_dot(line, (line.encoding or 0) + (line.decoding or 0), marks) for line in timed),
        {
            "xaxis": _logarithmic("seconds per megapixel", (1, 2, 5)),
            "yaxis": _logarithmic(f"R-D cost under attack ({unit})", _COSTS),
        },
    )


def _logarithmic(title: str, digits: Sequence[float]) -> dict[str, Any]:
    """Return a logarithmic axis with plain numbers that begin with some digits."""
    ticks = [steady(digit * 10.0**power) for power in range(-4, 5) for digit in digits]
    return {
        "title": {"text": title},
        "type": "log",
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def _dot(line: Standing, x: float, marks: _Marks) -> dict[str, Any]:
    colour, shape = marks[line.family.name]
    is_own = line.family.through_gradients
    bound = "≥ " * bool(line.by_cost.doubts)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _safe(line.family.name),
        "x": [x],
        "y": [line.robustness.value if line.robustness else None],
        "error_y": _bars(line.robustness),
        "marker": {"size": 11, "symbol": f"{shape}{'-open' * (not is_own)}", "color": colour},
        "hovertemplate": f"{_safe(line.codec)}<br>%{{x:.3g}}, under attack {bound}%{{y:.3g}}"
        "<extra></extra>",
    }


def _bars(ratio: Ratio | None) -> dict[str, Any]:
    if ratio is None or ratio.reach is None:
        return {"visible": False}
    below, above = ratio.reach
    return {"type": "data", "symmetric": False, "array": [above], "arrayminus": [below]}


def _rate_distortion(one: Comparison, objective: str) -> Chart:
    marks = _marks(one)
    traces = [
        trace
        for curves in one.curves
        if curves.objective == objective
        for trace in (
            _line(curves.family, curves.clean, marks, is_clean=True),
            _line(curves.family, curves.attacked, marks, is_clean=False),
        )
    ]
    return Chart(
        f"rate and PSNR, objective: {plain(suite_in_words.objective_in_words(objective))}",
        "Dashed, with crosses: clean. Solid: each picture under the attack with the highest value"
        " of the objective. Higher and further left is better.",
        tuple(traces),
        {
            "xaxis": {"title": {"text": "bits per pixel"}},
            "yaxis": {"title": {"text": "PSNR dB"}},
        },
    )


def _line(family: str, curve: Curve, marks: _Marks, *, is_clean: bool) -> dict[str, Any]:
    colour, shape = marks[family]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{_safe(family)}{', clean' * is_clean}",
        "legendgroup": _safe(family),
        "x": [point.bpp for point in curve],
        "y": [_finite(point.psnr) for point in curve],
        "text": [_safe(point.codec) for point in curve],
        "showlegend": not is_clean,
        "line": {"color": colour, "dash": "dash" if is_clean else "solid"},
        "marker": {"color": colour, "symbol": "x" if is_clean else shape},
        "hovertemplate": "%{text}<br>%{x:.3f} bpp, %{y:.2f} dB<extra></extra>",
    }


def _of_sweep(sweep: Sweep) -> Iterator[Chart]:
    kind, unit = sweep.budgets[0].kind, sweep.budgets[0].unit
    for attribute, title in (
        ("drop_db", "PSNR drop, dB"),
        ("bpp_factor", "rate increase (clean = 1)"),
    ):
        yield Chart(
            f"Effect of the {kind} budget: {title}",
            "Worst case of each picture, then the mean, with its 95 % interval. Dashed: attacked"
            " without gradients.",
            tuple(
                _sweep_line(line, attribute, PALETTE[index % len(PALETTE)])
                for index, line in enumerate(sweep.lines)
            ),
            {
                "xaxis": {
                    "title": {"text": f"budget, {kind} in {unit}"},
                    "tickvals": [ball.radius for ball in sweep.budgets],
                },
                "yaxis": {"title": {"text": title}},
            },
        )


def _sweep_line(line: SweepLine, attribute: str, colour: str) -> dict[str, Any]:
    values = [(step.radius, getattr(step, attribute)) for step in line.steps]
    known: list[tuple[float, Estimate]] = [(x, one) for x, one in values if one is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _safe(line.codec),
        "x": [radius for radius, _ in known],
        "y": [one.mean for _, one in known],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if one.high is None else one.high - one.mean for _, one in known],
            "arrayminus": [0.0 if one.low is None else one.mean - one.low for _, one in known],
        },
        "line": {"color": colour, "dash": "solid" if line.through_gradients else "dash"},
    }


def _marks(one: Comparison) -> _Marks:
    """Return a colour and a shape for each family, all different while the pairs last."""
    pairs = [(colour, shape) for shape in _SHAPES for colour in PALETTE]
    names = [family.name for family in one.families]
    return {name: pairs[index % len(pairs)] for index, name in enumerate(names)}


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _safe(name: str) -> str:
    """Return a foreign name so that plotly shows it as it is; %{ begins its templates."""
    return html.escape(plain(name)).replace("%{", "% {")
