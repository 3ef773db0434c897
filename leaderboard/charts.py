"""What the plots of the published page show, as plotly.js draws them.

Names are third parties': plotly takes some HTML in texts, so they are escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leaderboard import words
from leaderboard.aggregate import Board
from leaderboard.comparison import Comparison, Sweep, sweeps
from leaderboard.comparison import Line as SweepLine
from leaderboard.costs import LAMBDAS, Ratio
from leaderboard.curves import Curve
from leaderboard.formats import plain
from leaderboard.ranking import ALL, Standing
from leaderboard.statistics import Estimate

_PALETTE = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#ee8866",
    "#44bb99",
    "#99ddff",
    "#888888",
)
"""Paul Tol's bright and light schemes, told apart by the colour-blind and on both backgrounds."""


@dataclass(frozen=True)
class Chart:
    """One plot.

    Attributes:
        title: what it shows.
        about: how to read it.
        traces: plotly's `data`.
        axes: titles and kinds of the axes: plotly's `layout`.
        run: name of the run it is of; empty if it is of several.
    """

    title: str
    about: str
    traces: tuple[dict[str, Any], ...]
    axes: dict[str, Any]
    run: str = ""


def charts(board: Board) -> list[Chart]:
    """Return the plots of a board."""
    found = [
        replace(chart, title=f"{', '.join(map(plain, one.runs))}, {chart.title}", run=one.runs[0])
        for one in board.comparisons
        for chart in _of_comparison(one)
    ]
    return [*found, *(chart for sweep in sweeps(board.comparisons) for chart in _of_sweep(sweep))]


def _of_comparison(one: Comparison) -> Iterator[Chart]:
    lines = [
        line
        for ranking in one.rankings
        if ranking.lmbda == LAMBDAS[1] and ranking.scope is not ALL
        for line in ranking.standings
        if line.robustness is not None
    ]
    unit = "VVC unattacked = 1" if one.baseline else "bits per pixel"
    if lines:
        yield _costs(one, lines, unit)
        yield _times(one, lines, unit)
    for objective in dict.fromkeys(curves.objective for curves in one.curves):
        yield _rate_distortion(one, objective)


def _costs(one: Comparison, lines: Sequence[Standing], unit: str) -> Chart:
    colours = _colours(one)
    return Chart(
        f"attacked against unattacked cost, {words.heading(one.budget)}",
        "Lower is more robust, further left more efficient. Full circles were attacked through"
        " their own gradients, open squares were not and had the easier test.",
        tuple(_dot(line, line.efficiency, colours) for line in lines),
        {
            "xaxis": {"title": {"text": f"unattacked cost J ({unit})"}, "type": "log"},
            "yaxis": {"title": {"text": f"attacked cost J ({unit})"}, "type": "log"},
        },
    )


def _times(one: Comparison, lines: Sequence[Standing], unit: str) -> Chart:
    colours = _colours(one)
    timed = [line for line in lines if line.encoding is not None and line.decoding is not None]
    return Chart(
        f"attacked cost against coding time, {words.heading(one.budget)}",
        "Seconds to encode and decode a megapixel on the machine named below.",
        tuple(
            _dot(line, Ratio((line.encoding or 0) + (line.decoding or 0), None), colours)
            for line in timed
        ),
        {
            "xaxis": {"title": {"text": "seconds a megapixel"}, "type": "log"},
            "yaxis": {"title": {"text": f"attacked cost J ({unit})"}, "type": "log"},
        },
    )


def _dot(line: Standing, x: Ratio | None, colours: dict[str, str]) -> dict[str, Any]:
    own = line.family.through_gradients
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _safe(line.family.name),
        "x": [x.value if x else None],
        "y": [line.robustness.value if line.robustness else None],
        "error_y": _bars(line.robustness),
        "marker": {
            "size": 11,
            "symbol": "circle" if own else "square-open",
            "color": colours[line.family.name],
        },
        "hovertemplate": f"{_safe(line.codec)}<br>%{{x:.3g}}, attacked %{{y:.3g}}<extra></extra>",
    }


def _bars(ratio: Ratio | None) -> dict[str, Any]:
    if ratio is None or ratio.interval is None:
        return {"visible": False}
    low, high = ratio.interval
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - ratio.value)],
        "arrayminus": [max(0.0, ratio.value - low)],
    }


def _rate_distortion(one: Comparison, objective: str) -> Chart:
    colours = _colours(one)
    traces = [
        trace
        for curves in one.curves
        if curves.objective == objective
        for trace in (
            _line(curves.family, curves.clean, colours, is_clean=True),
            _line(curves.family, curves.attacked, colours, is_clean=False),
        )
    ]
    return Chart(
        f"rate and PSNR, {words.heading(one.budget)}, attacks wanted: {plain(objective)}",
        "Dashed: unattacked. Full: each picture under the attack that went furthest.",
        tuple(traces),
        {
            "xaxis": {"title": {"text": "bits per pixel"}},
            "yaxis": {"title": {"text": "PSNR dB"}},
        },
    )


def _line(family: str, curve: Curve, colours: dict[str, str], *, is_clean: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{_safe(family)}{', unattacked' * is_clean}",
        "legendgroup": _safe(family),
        "x": [point.bpp for point in curve],
        "y": [_finite(point.psnr) for point in curve],
        "text": [_safe(point.codec) for point in curve],
        "line": {"color": colours[family], "dash": "dash" if is_clean else "solid"},
        "marker": {"color": colours[family]},
        "hovertemplate": "%{text}<br>%{x:.3f} bpp, %{y:.2f} dB<extra></extra>",
    }


def _of_sweep(sweep: Sweep) -> Iterator[Chart]:
    kind = sweep.budgets[0].kind
    for attribute, title in (
        ("drop_db", "PSNR lost, dB"),
        ("bpp_factor", "bitstream by the unattacked one"),
    ):
        yield Chart(
            f"How the damage grows with the {kind} budget: {title}",
            "Worst case of each picture, then the mean, with its 95 % interval. Dashed: attacked"
            " without gradients.",
            tuple(
                _growth(line, attribute, _PALETTE[index % len(_PALETTE)])
                for index, line in enumerate(sweep.lines)
            ),
            {
                "xaxis": {"title": {"text": f"budget, {kind}"}},
                "yaxis": {"title": {"text": title}},
            },
        )


def _growth(line: SweepLine, attribute: str, colour: str) -> dict[str, Any]:
    found = [(step.radius, getattr(step, attribute)) for step in line.steps]
    known: list[tuple[float, Estimate]] = [(x, one) for x, one in found if one is not None]
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


def _colours(one: Comparison) -> dict[str, str]:
    names = (family.name for family in one.families)
    return {name: _PALETTE[index % len(_PALETTE)] for index, name in enumerate(names)}


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _safe(name: str) -> str:
    """Return a foreign name so that plotly shows it as it is; % begins its own templates."""
    return html.escape(plain(name)).replace("%{", "% {")
