"""The board in a few lines: for each track the largest effects, the first rank and the flags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column
from leaderboard.columns.columns import RowColumn
from leaderboard.columns.worst_columns import DROP, EXCESS, RATE
from leaderboard.formatting import share
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import BY_COST, BY_EXCESS, Ranking, main_rankings
from leaderboard.render import descriptions as words
from leaderboard.render.page import largest

_UNRANKED = "fewer than two codecs are ranked"


@dataclass(frozen=True)
class Verdict:
    """One track at one budget, with codecs that were attacked alike.

    Attributes:
        runs: names of the runs.
        budget: short name of the budget.
        how: how the codecs were attacked.
        drop: the operating point with the largest PSNR drop, and the drop.
        excess: the operating point with the largest excess over lossless, and the excess.
        rate: the operating point with the largest rate increase, and the increase.
        first: the codecs of the first rank by R-D cost under attack.
        robust: the codecs of the first rank by excess R-D cost.
        bounds: number of codecs whose R-D cost under attack is marked as a lower bound, of all.
        flagged: number of rows with a flag, and of all rows.
    """

    runs: tuple[str, ...]
    budget: str
    how: str
    drop: str
    excess: str
    rate: str
    first: str
    robust: str
    bounds: str
    flagged: str


def verdicts(board: Board) -> Iterator[Verdict]:
    """Yield a verdict for each comparison, first for codecs attacked through gradients."""
    for one in board.comparisons:
        for ranking in main_rankings(one.rankings):
            yield _verdict(one, ranking)


def _verdict(one: Comparison, ranking: Ranking) -> Verdict:
    rows = [
        member.row
        for family in one.families
        if ranking.scope.admits(family)
        for member in family.members
    ]
    bounds = sum(bool(line.by_cost.doubts) for line in ranking.standings)
    return Verdict(
        runs=one.runs,
        budget=words.heading(one.budget),
        how=ranking.scope.title,
        drop=_largest(rows, DROP, "{} dB: {}"),
        excess=_largest(rows, EXCESS, "{} dB: {}"),
        rate=_largest(rows, RATE, "{}: {}"),
        first=words.leader(ranking, BY_COST) or _UNRANKED,
        robust=words.leader(ranking, BY_EXCESS) or _UNRANKED,
        bounds=share((bounds, len(ranking.standings))),
        flagged=share((sum(bool(row.flags) for row in rows), len(rows))),
    )


def _largest(rows: Sequence[Row], column: RowColumn, template: str) -> str:
    """Return the largest value of a column and its operating point."""
    row = largest(column, rows)
    return "–" if row is None else template.format(column.text(row), row.place.codec)


def _words(key: str, header: str, value: Callable[[Verdict], str], meaning: str) -> Column[Verdict]:
    return Column(key, header, value, str, meaning, is_main=True, is_text=True)


VERDICTS: tuple[Column[Verdict], ...] = (
    _words(
        "track",
        "track",
        lambda verdict: ", ".join((*verdict.runs, verdict.budget)),
        "which pictures, attacks and budget",
    ),
    _words("codecs", "codecs", lambda verdict: verdict.how, "how the codecs were attacked"),
    _words(
        "drop",
        "largest PSNR drop",
        lambda verdict: verdict.drop,
        "worst case of each picture, then the mean",
    ),
    _words(
        "excess",
        "largest excess over lossless",
        lambda verdict: verdict.excess,
        "by how many dB the error exceeds the codec's own error plus the perturbation",
    ),
    _words(
        "rate",
        "largest rate increase",
        lambda verdict: verdict.rate,
        "worst case of each picture, then the geometric mean",
    ),
    _words(
        "first",
        "lowest R-D cost under attack",
        lambda verdict: verdict.first,
        "efficiency and robustness together: the codecs of the first rank at the middle rate; ≥"
        " marks a figure with evidence that a stronger attack exists",
    ),
    _words(
        "robust",
        "lowest excess R-D cost",
        lambda verdict: verdict.robust,
        "robustness alone: the codecs of the first rank by what attacks cause beyond their own"
        " perturbation, at the middle rate",
    ),
    _words(
        "bounds",
        "marked ≥",
        lambda verdict: verdict.bounds,
        "number of codecs whose R-D cost under attack is marked as a lower bound, of all",
    ),
    _words(
        "flagged",
        "flagged",
        lambda verdict: verdict.flagged,
        "number of operating points with a flag, of all",
    ),
)
"""The columns of the summary."""
