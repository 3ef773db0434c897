"""The board in a few lines: of each track, who lost most, who costs least, and what is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column
from leaderboard.columns.list_fields import Field
from leaderboard.columns.metric_columns import BEYOND, DROP, RATE
from leaderboard.formatting import share
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import ALL, Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words


@dataclass(frozen=True)
class Verdict:
    """One track at one budget, codecs attacked alike.

    Attributes:
        runs: names of the runs.
        budget: in few words.
        how: how the codecs were attacked.
        lost: the operating point that lost most PSNR, and how much.
        beyond: the one that lost most beyond the change in the picture itself, and how much.
        grew: the one whose bitstream grew most, and how much.
        least: the codecs of the first rank.
        doubtful: rows with a flag, of how many.
    """

    runs: tuple[str, ...]
    budget: str
    how: str
    lost: str
    beyond: str
    grew: str
    least: str
    doubtful: str


def verdicts(board: Board) -> Iterator[Verdict]:
    """Yield what there is to say of each comparison, first for codecs with gradients."""
    for one in board.comparisons:
        for ranking in one.rankings:
            if ranking.lmbda == LAMBDAS[1] and ranking.scope is not ALL:
                yield _verdict(one, ranking)


def _verdict(one: Comparison, ranking: Ranking) -> Verdict:
    rows = [
        member.row
        for family in one.families
        if ranking.scope.admits(family)
        for member in family.members
    ]
    first = [line.family.name for line in ranking.standings if line.rank == 1]
    return Verdict(
        runs=one.runs,
        budget=words.heading(one.budget),
        how=ranking.scope.title,
        lost=_most(rows, DROP, "{} dB: {}"),
        beyond=_most(rows, BEYOND, "{} dB: {}"),
        grew=_most(rows, RATE, "{}: {}"),
        least=", ".join(first) or "none has a rank",
        doubtful=share((sum(bool(row.flags) for row in rows), len(rows))),
    )


def _most(rows: Sequence[Row], column: Column[float], told: str) -> str:
    """Return the row with the largest value of a column."""
    known = [(value, row) for row in rows if (value := column.plain(row)) is not None]
    if not known:
        return "–"
    _, row = max(known, key=lambda pair: pair[0])
    return told.format(column.text(row), row.place.codec)


def _text(header: str, told: Callable[[Verdict], str], meaning: str) -> Field[Verdict]:
    return Field(header, told, meaning, is_figure=False)


VERDICTS: tuple[Field[Verdict], ...] = (
    _text(
        "track",
        lambda one: ", ".join((*one.runs, one.budget)),
        "which pictures and attacks, and how far a picture may change",
    ),
    _text("codecs", lambda one: one.how, "how these were attacked"),
    _text("lost most PSNR", lambda one: one.lost, "worst case of each picture, then the mean"),
    _text(
        "lost most beyond the change",
        lambda one: one.beyond,
        "likewise, less what the change in the picture costs a codec that keeps it faithfully",
    ),
    _text("bitstream grew most", lambda one: one.grew, "likewise"),
    _text(
        "costs least under attack",
        lambda one: one.least,
        "the first rank at the middle rate, of the codecs that have one: a flag takes it",
    ),
    _text("flagged", lambda one: one.doubtful, "operating points with a flag, which says what"),
)
"""A line of the board in short."""
