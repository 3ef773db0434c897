"""One line for each codec of a comparison, those attacked alike one after the other.

    standings of both lists, codecs without a standing, lossless references --> [OverviewLine]

A list of its own decides each rank: codecs attacked with gradients and codecs attacked without are
never ranked in one list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leaderboard.aggregate.rows import Row
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import Standing, main_rankings


@dataclass(frozen=True)
class OverviewLine:
    """A codec at the operating point at which it is ranked.

    Attributes:
        row: the row of the operating point.
        standing: its line in the ranking at the middle rate; None for a lossless reference and for
            a codec without clean scores.
        ranked: number of ranked codecs in its list.
    """

    row: Row
    standing: Standing | None = None
    ranked: int = 0


def overview(board: Board, one: Comparison) -> list[OverviewLine]:
    """Return the lines of a comparison, those of codecs attacked through gradients first."""
    ranked = list(_ranked(one))
    known = {id(line.standing.family) for line in ranked if line.standing is not None}
    lost = [family.members[0].row for family in one.families if id(family) not in known]
    references = [row for row in board.rows if row.reference and _is_in(row, one)]
    return [*ranked, *map(OverviewLine, [*lost, *references])]


def _ranked(one: Comparison) -> Iterator[OverviewLine]:
    rows = {
        (member.row.place.run, member.row.place.codec): member.row
        for family in one.families
        for member in family.members
    }
    for ranking in main_rankings(one.rankings):
        count = sum(line.rank is not None for line in ranking.standings)
        for line in ranking.standings:
            yield OverviewLine(rows[line.run, line.codec], line, count)


def _is_in(row: Row, one: Comparison) -> bool:
    return row.place.budget == str(one.budget) and row.place.run in one.runs
