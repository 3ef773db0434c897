"""The lists of the first screen: the codecs of a track that were attacked alike, in four orders.

Board --> RankedList (track, budget, how attacked) --> lines, each with its rank in every order
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from leaderboard.aggregate.bootstrap import Sampled, sample
from leaderboard.aggregate.rows import Row
from leaderboard.columns.clean_columns import BPP, PSNR
from leaderboard.columns.column import Column, adapted
from leaderboard.columns.ranking_columns import ATTACKED_COST, EXCESS_COST, STANDING, rank_text
from leaderboard.columns.worst_columns import DROP, RATE
from leaderboard.conclusions.points import Point, groups
from leaderboard.conclusions.power import closest_pair
from leaderboard.formatting import percent, plain, steady
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Position, Ranking, Standing, main_rankings
from leaderboard.ranking.rd_costs import Ratio
from leaderboard.ranking.significance import places
from leaderboard.render import descriptions as words
from leaderboard.render import suite_in_words
from leaderboard.web.codec_panels import anchor
from leaderboard.web.html_tables import order_of


@dataclass(frozen=True)
class RankedLine:
    """A codec of a list.

    Attributes:
        name: short name of its operating point.
        standing: its line in the ranking.
        point: its figures by picture.
        ranks: its place in each order; orders in which it has none are missing.
    """

    name: str
    standing: Standing
    point: Point
    ranks: Mapping[str, Position]


@dataclass(frozen=True)
class RankedList:
    """The codecs of a track at a budget that were attacked alike.

    Attributes:
        track: name of the track.
        budget: the budget.
        how: how they were attacked.
        unit: the unit of R-D costs.
        trust: one line on how far the list can be trusted.
        closest: how many pictures would tell the closest two codecs apart; empty if these do.
        lines: by rank in the first order.
    """

    track: str
    budget: str
    how: str
    unit: str
    trust: str
    closest: str
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
    adapted(STANDING[0], lambda line: line.standing, header="rank"),
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
    kept = ("track", "budget", "how", "unit", "trust", "closest")
    return {**{name: getattr(one, name) for name in kept}, "lines": lines}


def _list(board: Board, one: Comparison, ranking: Ranking, names: Mapping[str, str]) -> RankedList:
    points = {point.name: point for group in groups(one) for point in group.points}
    known = [(line, points[line.codec]) for line in ranking.standings]
    ranks = {order: _ranks(known, order) for order in _BY_PICTURE}
    lines = [
        RankedLine(
            names.get(line.codec, plain(line.codec)) + line.family.mark,
            line,
            point,
            _places(line, ranks),
        )
        for line, point in known
    ]
    parts = [part for part in board.parts if part.name in one.runs]
    return RankedList(
        track=plain(one.runs[0]),
        budget=words.heading(one.budget),
        how=ranking.scope.title,
        unit="clean VVC = 1" if ranking.baseline else "bits per pixel",
        trust=_trust(parts, lines),
        closest=_closest(len(parts[0].manifest.pictures), lines),
        lines=tuple(lines),
    )


def _growth(point: Point) -> Mapping[str, Sampled]:
    worst = {} if point.row.attack is None else point.row.attack.worst
    return {name: one.bpp_factor for name, one in worst.items()}


_BY_PICTURE: Mapping[str, tuple[Callable[[Point], Mapping[str, Sampled]], bool]] = {
    "drop": (lambda point: point.drop, False),
    "growth": (_growth, True),
}
"""The value by picture in orders without a ranking, and whether values are compared by ratio."""


def _places(line: Standing, others: Mapping[str, Mapping[str, Position]]) -> dict[str, Position]:
    """Return the place of a codec in each order in which it has one."""
    own = {order: found[line.codec] for order, found in others.items() if line.codec in found}
    known = {"cost": line.by_cost, "excess": line.by_excess, **own}
    return {order: place for order, place in known.items() if place.rank is not None}


def _ranks(known: Sequence[tuple[Standing, Point]], order: str) -> dict[str, Position]:
    """Return the place of each codec with a rank in an order that rankings do not have."""
    value_of, by_ratio = _BY_PICTURE[order]
    values = {line.codec: value_of(point) for line, point in known if line.rank}
    complete = {point.name for _, point in known if point.is_complete}
    ranked = {name: one for name, one in values.items() if one and name in complete}
    samples = [sample(one[name] for name in sorted(one)) for one in ranked.values()]
    names = list(ranked)
    return {
        name: Position(place.rank, tuple(names[index] for index in place.ties))
        for name, place in zip(names, places(samples, by_ratio=by_ratio), strict=True)
    }


def _trust(parts: Sequence[BoardRun], lines: Sequence[RankedLine]) -> str:
    """Return one line on how far a list can be trusted."""
    count = len(parts[0].manifest.pictures)
    bound = "; ≥: a stronger attack is likely" * any(map(_has_bound, lines))
    tied = " A rank such as 3–5 is a tie: costs vary by picture." * any(
        place.ties for line in lines for place in line.ranks.values()
    )
    return (
        f"{count} picture{'s' * (count > 1)}, {_starts(parts)} of each search. Every loss is a"
        f" lower bound{bound}.{tied}"
    )


def _has_bound(line: RankedLine) -> bool:
    return bool(line.standing.by_cost.doubts or line.standing.by_excess.doubts)


def _starts(parts: Iterable[BoardRun]) -> str:
    """Return the number of random starts of the attacks; the largest one where they differ."""
    starts: dict[str, int] = defaultdict(lambda: 1)
    for craft in chain.from_iterable(part.crafts for part in parts):
        if craft.sources:
            starts[craft.attack] = max(starts[craft.attack], craft.start + 1)
    most = max(starts.values(), default=1)
    return f"{'up to ' * (len(set(starts.values())) > 1)}{most} random start{'s' * (most > 1)}"


def _closest(count: int, lines: Sequence[RankedLine]) -> str:
    """Return how many pictures would tell two codecs apart; nothing if none or these would.

    Args:
        count: number of pictures of the list.
        lines: the list.
    """
    ranked = [line for line in lines if line.standing.rank is not None]
    pair = closest_pair({line.name: line.point.costs.attacked.sample for line in ranked})
    if pair is None or pair.pictures <= count or math.isinf(pair.pictures):
        return ""
    needed = f"about {pair.pictures:.0f}" if pair.pictures < 1e4 else "more than 10,000"
    return (
        f"Closest: {pair.names[0]} and {pair.names[1]}. Their R-D costs differ by"
        f" {percent(100 * pair.difference)} % (geometric mean);"
        f" {needed} pictures would tell them apart."
    )


def _line_as_json(line: RankedLine) -> dict[str, Any]:
    standing = line.standing
    reach = None if standing.robustness is None else standing.robustness.reach
    return {
        "codec": line.name,
        "full": plain(standing.codec),
        "anchor": anchor(standing.family.name),
        "ranks": {order: rank_text(place) for order, place in line.ranks.items()},
        "why": "; ".join(map(str, standing.exclusions)),
        "cells": [plain(column.text(line)) for column in COLUMNS[2:]],
        "sort": {order: order_of(column.plain(line)) for order, column in ORDERS.items()},
        "x": _number(standing.efficiency),
        "y": _number(standing.robustness),
        "bars": reach and list(map(steady, reach)),
        "bound": bool(standing.by_cost.doubts),
    }


def _number(found: Ratio | None) -> float | None:
    return None if found is None else steady(found.value)


def tracks(board: Board) -> Iterator[tuple[str, str]]:
    """Yield the name of each track and what was attacked in it."""
    for part in board.parts:
        yield plain(part.name), plain(suite_in_words.brief(part))
