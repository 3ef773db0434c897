"""What may be compared at one budget: families of one suite, on the same pictures and terms."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bench.budget import Budget
from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.families import Family, FamilyMember, families
from leaderboard.aggregate.flags import Aim
from leaderboard.ranking.ranking import Ranking, rankings
from leaderboard.ranking.rd_costs import LAMBDAS, baseline_of, costs
from leaderboard.ranking.rd_curves import Curves, curves


@dataclass(frozen=True)
class Comparison:
    """The families of one suite at one budget.

    Attributes:
        runs: names of the runs they are from.
        terms: what its suite has in common with those that differ in the budget alone.
        budget: how far pictures changed.
        families: every codec with all its qualities.
        baseline: VVC, if it is among them.
        rankings: who stands above whom.
        curves: rate-distortion, clean and attacked.
    """

    runs: tuple[str, ...]
    terms: Hashable
    budget: Budget
    families: tuple[Family, ...]
    baseline: Family | None
    rankings: tuple[Ranking, ...]
    curves: tuple[Curves, ...]


@dataclass(frozen=True)
class Step:
    """What one budget did to an operating point.

    Attributes:
        radius: of the budget, in its own unit.
        drop_db: PSNR lost, worst case of each picture, mean.
        bpp_factor: growth of the bitstream, worst case of each picture, geometric mean.
    """

    radius: float
    drop_db: Estimate | None
    bpp_factor: Estimate | None


@dataclass(frozen=True)
class Line:
    """How vulnerability grows with the budget, for the operating point a ranking would take.

    Attributes:
        codec: its label.
        through_gradients: whether it was attacked through its own gradients.
        steps: in the order of the radius.
    """

    codec: str
    through_gradients: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Sweep:
    """Budgets that differ in their radius alone, on the same terms; of one suite or of several.

    Attributes:
        runs: names of the runs.
        budgets: in the order of the radius.
        lines: one for each family.
    """

    runs: tuple[str, ...]
    budgets: tuple[Budget, ...]
    lines: tuple[Line, ...]


def comparison(
    terms: Hashable, ball: Budget, contenders: Sequence[FamilyMember], wanted: Mapping[str, Aim]
) -> Comparison:
    """Return the comparison of some operating points of one suite at one budget.

    Args:
        terms: what the suite has in common with those that differ in the budget alone.
        ball: the budget.
        contenders: the operating points.
        wanted: what each objective makes large, by its label.
    """
    found = families(contenders)
    baseline = baseline_of(found)
    return Comparison(
        tuple(dict.fromkeys(one.row.place.run for one in contenders)),
        terms,
        ball,
        tuple(found),
        baseline,
        tuple(rankings(found, baseline)),
        tuple(curves(found, wanted, baseline)),
    )


def sweeps(comparisons: Sequence[Comparison]) -> list[Sweep]:
    """Return how vulnerability grows, where there are two budgets of a kind or more."""
    groups: dict[object, dict[float, Comparison]] = {}
    for one in comparisons:
        kind = one.terms, replace(one.budget, radius=0.0)
        groups.setdefault(kind, {}).setdefault(one.budget.radius, one)
    ordered = ([group[radius] for radius in sorted(group)] for group in groups.values())
    return [
        Sweep(
            tuple(dict.fromkeys(chain.from_iterable(one.runs for one in group))),
            tuple(one.budget for one in group),
            _lines(group),
        )
        for group in ordered
        if len(group) > 1
    ]


def _lines(group: Sequence[Comparison]) -> tuple[Line, ...]:
    """Return one line for each family that came through: its cheapest point at the middle."""
    cheapest = [costs(family, (), LAMBDAS[1]) for family in group[0].families]
    members = [one.member for one in cheapest if one is not None]
    return tuple(_line(member, group) for member in members)


def _line(member: FamilyMember, group: Sequence[Comparison]) -> Line:
    place = member.row.place
    same = ((one.budget.radius, _same(member, one)) for one in group)
    hurts = ((radius, other.row.attack) for radius, other in same if other is not None)
    steps = (Step(radius, hurt.drop_db, hurt.bpp_factor) for radius, hurt in hurts if hurt)
    return Line(place.codec, place.through_gradients, tuple(steps))


def _same(member: FamilyMember, one: Comparison) -> FamilyMember | None:
    """Return an operating point at another budget: of its own run, or else of another suite's."""
    members = chain.from_iterable(family.members for family in one.families)
    found = [other for other in members if other.choice == member.choice]
    own = (other for other in found if other.row.place.run == member.row.place.run)
    return next(own, found[0] if found else None)
