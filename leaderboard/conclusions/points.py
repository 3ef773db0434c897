"""The operating points that sentences compare: one for each family, with values by picture.

Comparison --each family at its lowest clean J--> Point --same kind of attacker--> Group
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from leaderboard.aggregate.bootstrap import Estimate, Sampled
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.suite_info import GenerationMetric
from leaderboard.aggregate.threats import ATTACKS, WITHOUT_GRADIENTS
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.lower_bounds import doubts
from leaderboard.ranking.rd_costs import LAMBDAS, Costs, costs

LAMBDA = LAMBDAS[1]
"""Weight of 255^2 MSE in the R-D costs of all sentences."""


@dataclass(frozen=True, eq=False)
class Point:
    """One operating point at one budget; equal only to itself.

    Attributes:
        member: the operating point.
        costs: its R-D costs at `LAMBDA`.
        doubts: evidence that a stronger attack on its R-D cost exists; empty if there is none.
        psnr_doubts: evidence that an attack with a lower PSNR exists.
    """

    member: FamilyMember
    costs: Costs
    doubts: tuple[Flag, ...]
    psnr_doubts: tuple[Flag, ...]

    @property
    def row(self) -> Row:
        """Its row on the board."""
        return self.member.row

    @property
    def name(self) -> str:
        """Its label."""
        return self.row.place.codec

    @property
    def is_complete(self) -> bool:
        """Whether every picture of the suite has clean scores, and attacked ones if any has."""
        attacked = len(self.costs.attacked.values)
        return self.row.place.n_pictures == self.row.pictures and attacked in {
            0,
            self.row.pictures,
        }

    @property
    def rate(self) -> float:
        """The mean clean rate in bits per pixel."""
        return fmean(one.bpp_clean for one in self.member.case.clean.values())

    @cached_property
    def psnr(self) -> Mapping[str, float]:
        """The clean PSNR in dB, by picture."""
        return {name: one.psnr_clean for name, one in self.member.case.clean.items()}

    @property
    def is_lossy(self) -> bool:
        """Whether every clean PSNR is finite."""
        return all(map(math.isfinite, self.psnr.values()))

    @cached_property
    def drop(self) -> Mapping[str, Sampled]:
        """The PSNR in dB that the worst attack takes, by picture.

        Empty without attacks, and for a codec that is lossless without an attack.
        """
        worst = {} if self.row.attack is None or not self.is_lossy else self.row.attack.worst
        return {name: one.psnr.map(self.psnr[name].__sub__) for name, one in worst.items()}

    @property
    def excess(self) -> Estimate | None:
        """The part of `drop` in dB beyond that of the perturbation itself; None without attacks.

        The error of a faithful codec is its own error plus the perturbation.
        """
        attack = self.row.attack
        return None if attack is None or not self.is_lossy else attack.beyond_change

    def lost(self, metric: GenerationMetric) -> Mapping[str, float]:
        """Return the PSNR in dB that coding again takes, by picture; empty if a picture has none.

        Args:
            metric: up to which generation.
        """
        values = dict(self._lost(metric.label))
        return values if len(values) == len(self.member.case.clean) else {}

    def _lost(self, label: str) -> Iterator[tuple[str, float]]:
        for name, scores in self.member.case.clean.items():
            extra = scores.extra.get(label)
            if extra is not None and extra.clean is not None:
                yield name, extra.clean


@dataclass(frozen=True)
class Group:
    """Operating points that were attacked alike.

    Attributes:
        through_gradients: whether they were attacked through their own gradients.
        points: in the order of the suite.
    """

    through_gradients: bool
    points: tuple[Point, ...]

    @property
    def attacked(self) -> list[Point]:
        """Those with scores of every picture under attack; only these can be compared."""
        return [one for one in self.points if one.is_complete and one.costs.attacked.values]


def groups(comparison: Comparison) -> list[Group]:
    """Return the operating points of a comparison, by how they were attacked; none is empty.

    A codec without clean scores has no operating point; see `without_point`.
    """
    found = []
    for own in (True, False):
        families = [one for one in comparison.families if one.through_gradients == own]
        points = tuple(point for family in families if (point := _point(family)) is not None)
        if points:
            found.append(Group(own, points))
    return found


def without_point(comparison: Comparison) -> list[Family]:
    """Return the codecs that could code no source picture, or have no scores yet."""
    return [
        family
        for family in comparison.families
        if not any(member.case.clean for member in family.members)
    ]


def last_generation(board: Board, comparison: Comparison) -> GenerationMetric | None:
    """Return the metric of coding again whose last generation is the latest; None without one."""
    parts = (part for part in board.parts if part.name in comparison.runs)
    losses = (metric for part in parts for metric in part.suite.generations if metric.is_loss)
    return max(losses, key=lambda metric: metric.count, default=None)


def _point(family: Family) -> Point | None:
    kinds = ATTACKS if family.through_gradients else WITHOUT_GRADIENTS
    found = costs(family, kinds, LAMBDA)
    if found is None:
        return None
    member = found.member
    flags = member.row.flags if family.through_gradients else member.flags_without_gradients
    of_cost, of_psnr = (
        doubts(figure, title, member, kinds, flags)
        for figure, title in ((found.attacked, "R-D cost"), (found.error, "PSNR"))
    )
    return Point(member, found, of_cost, of_psnr)
