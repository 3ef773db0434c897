"""The lists of the first screen: the codecs of a track that were attacked alike, in four orders.

Board --> RankedList (track, budget, how attacked) --> lines, each with its rank in every order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.aggregate.bootstrap import Sample, Value, sample
from leaderboard.aggregate.rows import Row
from leaderboard.columns.clean_columns import BPP, PSNR
from leaderboard.columns.column import Column, adapted
from leaderboard.columns.ranking_columns import ATTACKED_COST, EXCESS_COST, STANDING
from leaderboard.columns.worst_columns import DROP, RATE
from leaderboard.conclusions.points import Point, groups
from leaderboard.conclusions.power import ClosestPair, closest_pair
from leaderboard.formatting import percent, plain, steady
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Ranking, Standing, main_rankings
from leaderboard.ranking.rd_costs import Ratio
from leaderboard.ranking.significance import places
from leaderboard.render import descriptions as words
from leaderboard.web.codec_panels import anchor
from leaderboard.web.html_tables import order_of

_UNRANKED = 10**6
"""Sorts codecs without a rank behind all others."""


@dataclass(frozen=True)
class RankedLine:
    """A codec of a list.

    Attributes:
        name: short name of its operating point.
        standing: its line in the ranking.
        point: its figures by picture.
        ranks: its rank in each order, with = for a tie; orders in which it has none are missing.
    """

    name: str
    standing: Standing
    point: Point
    ranks: Mapping[str, str]

    def rank(self, order: str) -> int:
        """Return the number of its rank in an order; a large one without a rank."""
        return int(self.ranks[order].split()[0]) if order in self.ranks else _UNRANKED


@dataclass(frozen=True)
class RankedList:
    """The codecs of a track at a budget that were attacked alike.

    Attributes:
        track: name of the track.
        budget: the budget.
        how: how they were attacked.
        unit: the unit of R-D costs.
        trust: one line on how far the list can be trusted.
        lines: by rank in the first order.
    """

    track: str
    budget: str
    how: str
    unit: str
    trust: str
    lines: tuple[RankedLine, ...]


def _of_row(column: Column[Row]) -> Column[RankedLine]:
    return adapted(column, lambda line: line.point.row)


def _of_standing(column: Column[Standing]) -> Column[RankedLine]:
    return adapted(column, lambda line: line.standing)


ORDERS: Mapping[str, Column[RankedLine]] = {
    "cost": _of_standing(ATTACKED_COST),
    "excess": _of_standing(EXCESS_COST),
    "drop": _of_row(DROP),
    "growth": _of_row(RATE),
}
"""The figure that each order ranks by; lower is better."""

COLUMNS: tuple[Column[RankedLine], ...] = (
    Column("rank", "rank", lambda line: line.ranks.get("cost"), str, STANDING[0].meaning),
    Column(
        *("codec", "codec", lambda line: line.name, str),
        "at the quality setting with the lowest clean R-D cost; external: its code is no part of"
        " this package",
        is_text=True,
    ),
    _of_row(BPP),
    _of_row(PSNR),
    ORDERS["drop"],
    ORDERS["growth"],
    ORDERS["cost"],
    ORDERS["excess"],
)
"""The columns of the table."""


def ranked_lists(board: Board, names: Mapping[str, str]) -> list[RankedList]:
    """Return every list of a board.

    Args:
        board: the board.
        names: the short name of each operating point.
    """
    return [
        _list(board, one, ranking, names)
        for one in board.comparisons
        for ranking in main_rankings(one.rankings)
    ]


def as_json(one: RankedList) -> dict[str, Any]:
    """Return a list as the script of the page reads it."""
    lines = [_line_as_json(line) for line in one.lines]
    kept = ("track", "budget", "how", "unit", "trust")
    return {**{name: getattr(one, name) for name in kept}, "lines": lines}


def _list(board: Board, one: Comparison, ranking: Ranking, names: Mapping[str, str]) -> RankedList:
    points = {point.name: point for group in groups(one) for point in group.points}
    known = [(line, points[line.codec]) for line in ranking.standings]
    ranks = {order: _ranks(known, order) for order in ORDERS}
    lines = [
        RankedLine(
            names.get(line.codec, plain(line.codec)) + line.family.mark,
            line,
            point,
            {order: found[line.codec] for order, found in ranks.items() if line.codec in found},
        )
        for line, point in known
    ]
    return RankedList(
        track=plain(one.runs[0]),
        budget=words.heading(one.budget),
        how=ranking.scope.title,
        unit="clean VVC = 1" if ranking.baseline else "bits per pixel",
        trust=_trust(board, one, lines),
        lines=tuple(sorted(lines, key=lambda line: line.rank("cost"))),
    )


def _values(point: Point, order: str) -> Mapping[str, Value]:
    """Return the figure of an order by picture."""
    worst = {} if point.row.attack is None else point.row.attack.worst
    return {
        "cost": point.costs.attacked.values,
        "excess": point.costs.excess.values,
        "drop": point.drop,
        "growth": {name: one.bpp_factor for name, one in worst.items()},
    }[order]


def _sample(standing: Standing, point: Point, order: str) -> Sample | None:
    """Return the figure of an order by picture; None for a codec that has no rank in it."""
    values = _values(point, order)
    if standing.rank is None or len(values) < point.row.place.n_pictures:
        return None
    return sample(values[name] for name in sorted(values))


def _ranks(known: Sequence[tuple[Standing, Point]], order: str) -> dict[str, str]:
    """Return the rank of each codec with a rank in an order."""
    samples = {line.codec: _sample(line, point, order) for line, point in known}
    ranked = {codec: found for codec, found in samples.items() if found is not None}
    return {
        codec: f"{place.rank}{' =' * bool(place.ties)}"
        for codec, place in zip(ranked, places(list(ranked.values())), strict=True)
    }


def _trust(board: Board, one: Comparison, lines: Sequence[RankedLine]) -> str:
    """Return one line on how far a list can be trusted."""
    parts = [part for part in board.parts if part.name in one.runs]
    count = len(parts[0].manifest.pictures)
    starts = 1 + max((craft.start for part in parts for craft in part.crafts), default=0)
    samples = {line.name: _sample(line.standing, line.point, "cost") for line in lines}
    pair = closest_pair({name: found for name, found in samples.items() if found is not None})
    return (
        f"{count} picture{'s' * (count > 1)}, {starts} random start{'s' * (starts > 1)} of each"
        f" search; every loss is a lower bound.{_pair(pair, count)}"
    )


def _pair(pair: ClosestPair | None, count: int) -> str:
    if pair is None or pair.pictures <= count:
        return ""
    needed = f"about {pair.pictures:.0f}" if pair.pictures < 1e4 else "more than 10,000"
    return (
        f" {pair.names[0]} and {pair.names[1]} differ by {percent(100 * pair.difference)} %:"
        f" {needed} pictures would tell them apart."
    )


def _line_as_json(line: RankedLine) -> dict[str, Any]:
    standing = line.standing
    return {
        "codec": line.name,
        "full": plain(standing.codec),
        "anchor": anchor(standing.family.name),
        "ranks": dict(line.ranks),
        "why": "; ".join(map(str, standing.exclusions)),
        "cells": [plain(column.text(line)) for column in COLUMNS[2:]],
        "sort": {order: order_of(column.plain(line)) for order, column in ORDERS.items()},
        "x": _number(standing.efficiency),
        "y": _number(standing.robustness),
        "bars": _bars(standing.robustness),
        "bound": bool(standing.by_cost.doubts),
    }


def _number(found: Ratio | None) -> float | None:
    return None if found is None else steady(found.value)


def _bars(found: Ratio | None) -> list[float] | None:
    """Return how far an interval reaches below and above its figure."""
    if found is None or found.interval is None:
        return None
    low, high = found.interval
    return [steady(max(0.0, found.value - low)), steady(max(0.0, high - found.value))]


def tracks(board: Board) -> Iterator[tuple[str, str]]:
    """Yield the name of each track and what was attacked in it."""
    for part in board.parts:
        yield plain(part.name), plain(words.brief(part))
