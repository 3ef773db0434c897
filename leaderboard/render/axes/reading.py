"""What can still be read of pictures: of the source pictures, under noise, and under attack."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import TypeAlias

from bench.store.records import Scores
from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.families import FamilyMember, families
from leaderboard.aggregate.threats import ATTACKS, NOISE
from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, percent, rate
from leaderboard.ranking.board import Board
from leaderboard.render.axes.axis import Axis, Panel, Series, text_column

_ABOUT = (
    "Share of what is read in a source picture that is read after coding too: bar codes by"
    " zxing-cpp, words by RapidOCR. Clean: of the source picture itself; noise and attacked: of the"
    " noisy or adversarial picture with the lowest share; the rate is that of the picture with"
    " the highest one. Means over the pictures; those in which nothing is read do not count in the"
    " share. The attacks did not search for a low share."
)

_CONDITIONS: Mapping[str, tuple[str, ...]] = {"clean": (), "noise": (NOISE,), "attacked": ATTACKS}
"""The threats of each condition; none for the source pictures themselves."""


@dataclass(frozen=True)
class _Line:
    """One operating point at one budget.

    Attributes:
        codec: its label.
        budget: the budget of noise and attacks.
        rates: the mean rate in bits per pixel by condition, where there is one.
        shares: the mean share in per cent by label of the metric and condition, where there is one.
    """

    codec: str
    budget: str
    rates: dict[str, float]
    shares: dict[tuple[str, str], float]


_Column: TypeAlias = Column[_Line]


def reading(board: Board) -> Iterator[Axis]:
    """Yield the axis of each run whose suite names a metric of what can be read."""
    for part in board.parts:
        metrics = part.suite.reading
        members = board.members_of(part)
        lines = {id(one): _line(one, metrics) for one in members if one.case.clean}
        if any(line.shares for line in lines.values()):
            yield Axis(
                "reading",
                "Reading",
                part.name,
                _ABOUT,
                list(_columns(metrics)),
                list(lines.values()),
                tuple(_panels(metrics, _curves(members, lines))),
            )


def _line(member: FamilyMember, metrics: Iterable[str]) -> _Line:
    place, rates, shares = member.row.place, {}, {}
    for condition, threats in _CONDITIONS.items():
        pictures = list(_pictures(member.case, threats))
        if pictures:
            rates[condition] = fmean(max(one.bpp for one in scores) for scores in pictures)
        for metric in metrics:
            if lowest := list(_lowest(pictures, metric)):
                shares[metric, condition] = fmean(lowest)
    return _Line(place.codec, place.budget, rates, shares)


def _pictures(case: CellGroup, threats: Sequence[str]) -> Iterable[Sequence[Scores]]:
    """Return the scores of each picture; of the source pictures themselves without threats."""
    if not threats:
        return [[scores] for scores in case.clean.values()]
    found: dict[str, list[Scores]] = defaultdict(list)
    for attack in case.of(*threats):
        found[attack.picture].append(attack.scores)
    return found.values()


def _lowest(pictures: Iterable[Sequence[Scores]], metric: str) -> Iterator[float]:
    """Yield the lowest share of each picture that has one."""
    for scores in pictures:
        extras = (one.extra[metric].source for one in scores if metric in one.extra)
        if shares := [share for share in extras if share is not None]:
            yield min(shares)


def _columns(metrics: Iterable[str]) -> Iterator[_Column]:
    yield text_column("codec", "operating point", lambda line: line.codec)
    yield text_column("budget", "budget of noise and attacks", lambda line: line.budget)
    yield from map(_rate, _CONDITIONS)
    for metric in metrics:
        for condition in _CONDITIONS:
            yield _share(metric, condition)


def _rate(condition: str) -> _Column:
    header = f"bpp {condition}"
    return Column(
        column_key(header),
        header,
        lambda line: line.rates.get(condition),
        rate,
        "bits per pixel",
        "lower",
        is_main=True,
    )


def _share(metric: str, condition: str) -> _Column:
    header = f"{metric} {condition}"
    return Column(
        column_key(header),
        f"{header} %",
        lambda line: line.shares.get((metric, condition)),
        percent,
        "share of what is read in the source picture",
        "higher",
        is_main=True,
    )


_Curves: TypeAlias = dict[str, list[_Line]]


def _curves(members: Iterable[FamilyMember], lines: Mapping[int, _Line]) -> _Curves:
    """Return the lines of each family at each budget, in the order of the rate."""
    found: _Curves = {}
    for budget, group in groupby(members, lambda one: one.row.place.budget):
        for family in families(group):
            known = [lines[id(one)] for one in family.members if id(one) in lines]
            found[f"{family.name}, {budget}"] = sorted(known, key=lambda line: line.rates["clean"])
    return found


def _panels(metrics: Iterable[str], curves: _Curves) -> Iterator[Panel]:
    for metric in metrics:
        for condition in ("clean", "attacked"):
            series = tuple(
                Series(
                    name,
                    tuple(line.rates.get(condition, math.nan) for line in lines),
                    tuple(line.shares.get((metric, condition), math.nan) for line in lines),
                )
                for name, lines in curves.items()
            )
            yield Panel(f"bpp {condition}", f"{metric} {condition}, %", series, is_logarithmic=True)
