"""The columns of the overview: one line for each codec, at most eight columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.families import EXTERNAL
from leaderboard.aggregate.rows import CleanStats
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.aggregate.worst_case import WorstCase
from leaderboard.columns.collision_columns import collision_columns
from leaderboard.columns.column import Column, adapted
from leaderboard.columns.columns import CODEC
from leaderboard.columns.ranking_columns import ATTACKED_COST, EXCESS_COST, REASONS
from leaderboard.columns.smallest_columns import smallest_columns
from leaderboard.columns.terms import threat_text
from leaderboard.formatting import decibel, factor
from leaderboard.ranking.overview import OverviewLine

MOST = 8
"""Largest number of columns."""

_LONGEST = 160
"""Largest number of characters of a remark; the full page has all of it."""


def _rank(line: OverviewLine) -> str | None:
    standing = line.standing
    if standing is None or standing.rank is None:
        return None
    return f"{standing.rank} of {line.ranked}{', tied' * bool(standing.by_cost.ties)}"


def _attack(line: OverviewLine) -> str:
    threat = line.row.place.threat
    return "own gradients" if threat == GRADIENTS else threat_text(threat)


def _mean(part: CleanStats | WorstCase | None, figure: Callable[[float], str], name: str) -> str:
    estimate: Estimate | None = getattr(part, name, None)
    return "–" if estimate is None else figure(estimate.mean)


def _psnr(line: OverviewLine) -> str | None:
    row = line.row
    if row.clean is None:
        return None
    return " / ".join(_mean(part, decibel, "psnr") for part in (row.clean, row.noise, row.attack))


def _rate(line: OverviewLine) -> str | None:
    row = line.row
    if row.noise is None and row.attack is None:
        return None
    return " / ".join(_mean(part, factor, "bpp_factor") for part in (row.noise, row.attack))


def _remarks(line: OverviewLine) -> str | None:
    external = EXTERNAL if line.standing and line.standing.family.is_external else ""
    remarks = "; ".join(filter(None, (external, _reasons(line))))
    return textwrap.shorten(remarks, _LONGEST, placeholder=" ...") or None


def _reasons(line: OverviewLine) -> str:
    """Return why a figure is marked, or missing."""
    if line.standing is None:
        return "; ".join(line.row.losses.reasons)
    found = REASONS.plain(line.standing)
    return "" if found is None else str(found)


def _text(
    key: str, header: str, value: Callable[[OverviewLine], str | None], meaning: str
) -> Column[OverviewLine]:
    return Column(key, header, value, str, meaning, is_main=True, is_text=True)


_FIGURES: tuple[Column[OverviewLine], ...] = (
    _text("rank", "rank", _rank, "cost rank among the codecs that were attacked alike"),
    adapted(CODEC, lambda line: line.row),
    _text("attack", "attack", _attack, "how the codec was attacked"),
    adapted(ATTACKED_COST, lambda line: line.standing),
    adapted(EXCESS_COST, lambda line: line.standing),
    _text("psnr", "PSNR dB: clean / noise / attack ↑", _psnr, "clean, noise and worst PSNR"),
    _text("rate", "rate: noise / attack ↓", _rate, "noise rate increase and rate increase"),
)

_REMARKS = _text(
    *("remarks", "remarks", _remarks),
    f"why a figure is marked, or missing; {EXTERNAL}: the codec's code is no part of this package",
)


def overview_columns(lines: Sequence[OverviewLine]) -> list[Column[OverviewLine]]:
    """Return the columns in which some line has a figure, eight at most.

    The columns of special searches come before the remarks where there is room for them.
    """
    rows = [line.row for line in lines]
    special: list[Column[OverviewLine]] = [
        adapted(column, lambda line: line.row)
        for column in (*smallest_columns(rows), *collision_columns(rows))
    ]
    named = [column for column in (*_FIGURES, *special) if _has_figure(column, lines)]
    remarks = [_REMARKS] if _has_figure(_REMARKS, lines) else []
    return [*named[: MOST - len(remarks)], *remarks]


def _has_figure(column: Column[OverviewLine], lines: Sequence[OverviewLine]) -> bool:
    return any(column.value(line) is not None for line in lines)
