"""The worst adversarial picture of each codec of a board: the largest increase of the R-D cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.threats import ATTACKS
from leaderboard.ranking.board import Board


@dataclass(frozen=True)
class WorstExample:
    """The adversarial picture with the largest increase of the R-D cost of a codec.

    Attributes:
        codec: label of the operating point.
        attack: the adversarial picture and its scores.
    """

    codec: str
    attack: ScoredAttack


def worst_examples(board: Board, most: int) -> list[WorstExample]:
    """Return the worst example of each codec over all its quality settings and budgets.

    Noise does not count. A failure counts with the scores that stand in for it.

    Args:
        board: a board.
        most: largest number of examples.

    Returns:
        The largest increase first.
    """
    found: dict[tuple[str, str], WorstExample] = {}
    for name, example in _examples(board):
        if name not in found or _increase(example) > _increase(found[name]):
            found[name] = example
    return sorted(found.values(), key=_increase, reverse=True)[:most]


def _examples(board: Board) -> Iterator[tuple[tuple[str, str], WorstExample]]:
    """Yield the adversarial pictures of all codecs with the run and the name of the codec."""
    for one in board.comparisons:
        for family in one.families:
            for member in family.members:
                place = member.row.place
                for attack in member.case.of(*ATTACKS):
                    yield (place.run, family.name), WorstExample(place.codec, attack)


def _increase(example: WorstExample) -> float:
    return example.attack.scores.rd_factor
