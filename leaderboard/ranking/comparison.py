"""Comparable families: one suite, one budget, the same pictures and settings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bench.budget import Budget, Unlimited
from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.families import Family, FamilyMember, families
from leaderboard.aggregate.flags import ObjectiveValue
from leaderboard.ranking.attack_table import AttackTable, attack_tables
from leaderboard.ranking.corruptions import CorruptedCodec, corrupted_codecs
from leaderboard.ranking.ranking import Ranking, rankings
from leaderboard.ranking.rd_costs import LAMBDAS, baseline_of, costs
from leaderboard.ranking.rd_curves import Curves, curves


@dataclass(frozen=True)
class Comparison:
    """The families of one suite at one budget.

    Attributes:
        runs: names of the runs of the families.
        terms: what the suite shares with suites that differ only in the budget.
        budget: the budget.
        families: every codec at every quality setting.
        baseline: VVC, if it is one of them.
        rankings: the rankings.
        attacks: the effect of each attack, for each list of codecs that were attacked alike.
        curves: rate-distortion curves, clean and under attack.
        corrupted: the codecs on corrupted pictures.
    """

    runs: tuple[str, ...]
    terms: Hashable
    budget: Budget
    families: tuple[Family, ...]
    baseline: Family | None
    rankings: tuple[Ranking, ...]
    attacks: tuple[AttackTable, ...]
    curves: tuple[Curves, ...]
    corrupted: tuple[CorruptedCodec, ...]


@dataclass(frozen=True)
class Step:
    """The effect of one budget on an operating point.

    Attributes:
        radius: radius of the budget in its own unit.
        drop_db: PSNR drop, worst case of each picture, mean.
        bpp_factor: rate increase, worst case of each picture, geometric mean.
    """

    radius: float
    drop_db: Estimate | None
    bpp_factor: Estimate | None


@dataclass(frozen=True)
class Line:
    """Vulnerability against the budget, for the operating point that a ranking uses.

    Attributes:
        codec: label of the operating point.
        through_gradients: whether it was attacked through its own gradients.
        steps: in the order of the radius.
    """

    codec: str
    through_gradients: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Sweep:
    """Budgets that differ only in the radius, with equal settings; of one suite or of several.

    Attributes:
        runs: names of the runs.
        budgets: in the order of the radius.
        lines: one for each family.
    """

    runs: tuple[str, ...]
    budgets: tuple[Budget, ...]
    lines: tuple[Line, ...]


def comparison(
    terms: Hashable,
    budget: Budget,
    members: Sequence[FamilyMember],
    values: Mapping[str, ObjectiveValue],
    bands: Mapping[str, str],
) -> Comparison:
    """Return the comparison of some operating points of one suite at one budget.

    Args:
        terms: what the suite shares with suites that differ only in the budget.
        budget: the budget.
        members: the operating points.
        values: the measured value of each objective, by label.
        bands: labels of the metrics of the coding error's bands, by band.
    """
    groups = families(members)
    baseline = baseline_of(groups)
    lists = tuple(rankings(groups, baseline)) if _has_attacks(budget, members) else ()
    return Comparison(
        tuple(dict.fromkeys(member.row.place.run for member in members)),
        terms,
        budget,
        tuple(groups),
        baseline,
        lists,
        tuple(attack_tables(lists)),
        tuple(curves(groups, values, baseline)),
        corrupted_codecs(groups, bands),
    )


def _has_attacks(budget: Budget, members: Sequence[FamilyMember]) -> bool:
    """Return whether a ranking is possible; a budget without a limit may have only corruptions."""
    return budget.kind != Unlimited.kind or any(member.case.scored for member in members)


def sweeps(comparisons: Sequence[Comparison]) -> list[Sweep]:
    """Return vulnerability against the budget, wherever there are two budgets of a kind or more."""
    groups: dict[object, dict[float, Comparison]] = {}
    for entry in comparisons:
        kind = entry.terms, replace(entry.budget, radius=0.0)
        groups.setdefault(kind, {}).setdefault(entry.budget.radius, entry)
    ordered = ([group[radius] for radius in sorted(group)] for group in groups.values())
    return [
        Sweep(
            tuple(dict.fromkeys(chain.from_iterable(entry.runs for entry in group))),
            tuple(entry.budget for entry in group),
            _lines(group),
        )
        for group in ordered
        if len(group) > 1
    ]


def _lines(group: Sequence[Comparison]) -> tuple[Line, ...]:
    """Return one line for each family with clean scores: its cheapest point at the middle rate."""
    cheapest = [costs(family, (), LAMBDAS[1]) for family in group[0].families]
    members = [cost.member for cost in cheapest if cost is not None]
    return tuple(_line(member, group) for member in members)


def _line(member: FamilyMember, group: Sequence[Comparison]) -> Line:
    place = member.row.place
    same = ((entry.budget.radius, _same(member, entry)) for entry in group)
    worst = ((radius, other.row.attack) for radius, other in same if other is not None)
    steps = (Step(radius, attack.drop_db, attack.bpp_factor) for radius, attack in worst if attack)
    return Line(place.codec, place.through_gradients, tuple(steps))


def _same(member: FamilyMember, other: Comparison) -> FamilyMember | None:
    """Return the same operating point at another budget, of the same run if it is there."""
    candidates = [
        candidate
        for family in other.families
        for candidate in family.members
        if candidate.choice == member.choice
    ]
    own = (one for one in candidates if one.row.place.run == member.row.place.run)
    return next(own, candidates[0] if candidates else None)
