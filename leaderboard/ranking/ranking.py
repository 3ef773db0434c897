"""Ranks of codecs: comparable attacks only, in two orders, with ties and lower bounds.

    families --scope--> lists --lambda--> standings, ranked ones first

The first order is that of the R-D cost under attack, each family at the operating point with the
lowest clean R-D cost. It holds efficiency and robustness together: ranking by the loss alone would
favour codecs that are inefficient to begin with. The second order is that of the excess R-D cost,
what attacks cause beyond their own perturbation: robustness apart from efficiency. Both are decided
by `leaderboard.ranking.significance`, and `leaderboard.ranking.lower_bounds` finds the figures that
are marked ">=". `leaderboard.ranking.rule` states the rule in the words of the board.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from leaderboard.aggregate.families import Family, FamilyMember, common_threats
from leaderboard.aggregate.flags import MISSING, Flag
from leaderboard.aggregate.threats import ATTACKS, WITHOUT_GRADIENTS
from leaderboard.ranking.lower_bounds import doubts
from leaderboard.ranking.rd_costs import LAMBDAS, AttackedCost, Costs, Ratio, costs, ratio
from leaderboard.ranking.significance import places

ALONE = "no other codec to compare with"
"""Why the only codec of a list that could be ranked has no rank."""


@dataclass(frozen=True)
class Scope:
    """Which families a list holds.

    Attributes:
        title: title of the list.
        admits: whether a family belongs to it.
    """

    title: str
    admits: Callable[[Family], bool]


WITH = Scope("attacked through their own gradients", lambda family: family.through_gradients)
WITHOUT = Scope("attacked without gradients", lambda family: not family.through_gradients)
ALL = Scope("all codecs, attacks without gradients only", lambda _: True)


@dataclass(frozen=True)
class Position:
    """The place of a codec in one order.

    Attributes:
        rank: from 1; None if the codec has no rank.
        ties: names of the ranked codecs from which it does not differ significantly.
        doubts: why its figure is marked as a lower bound; empty if it is not.
    """

    rank: int | None = None
    ties: tuple[str, ...] = ()
    doubts: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class Standing:
    """One line of a ranking.

    Attributes:
        family: the codec.
        codec: label of the operating point with the lowest clean J.
        run: name of its run on the board.
        by_cost: its place by J under attack.
        by_excess: its place by excess J.
        luma_rank: rank by J under attack with the error of the luma only; None without a rank.
        robustness: J under attack relative to VVC's clean J, or to 1 without VVC; None without
            attacks.
        excess: excess J relative to VVC's clean J, or to 1 without VVC.
        growth: J under attack relative to its own clean J.
        efficiency: clean J relative to VVC's clean J, or to 1 without VVC.
        encoding: seconds per megapixel without an attack, on the machine of the run.
        decoding: seconds per megapixel without an attack, on the machine of the run.
        exclusions: why it has no rank: sentences and flags.
    """

    family: Family
    codec: str
    run: str
    by_cost: Position
    by_excess: Position
    luma_rank: int | None
    robustness: Ratio | None
    excess: Ratio | None
    growth: Ratio | None
    efficiency: Ratio | None
    encoding: float | None
    decoding: float | None
    exclusions: tuple[str | Flag, ...]

    @property
    def rank(self) -> int | None:
        """Rank by J under attack; None if the codec has no rank."""
        return self.by_cost.rank


@dataclass(frozen=True)
class Order:
    """One of the two orders of a list.

    Attributes:
        title: the figure that decides it.
        about: what it holds.
        position: the place of a line.
        figure: the figure of a line; None without attacks.
    """

    title: str
    about: str
    position: Callable[[Standing], Position]
    figure: Callable[[Standing], Ratio | None]

    def value(self, line: Standing) -> float:
        """Return the figure of a line; infinity without attacks."""
        found = self.figure(line)
        return math.inf if found is None else found.value


BY_COST = Order(
    "R-D cost under attack",
    "efficiency and robustness together",
    lambda line: line.by_cost,
    lambda line: line.robustness,
)
BY_EXCESS = Order(
    "excess R-D cost", "robustness alone", lambda line: line.by_excess, lambda line: line.excess
)


@dataclass(frozen=True)
class Ranking:
    """One list at one lambda.

    Attributes:
        scope: which list.
        kinds: the threats that count in it.
        lmbda: weight of 255^2 MSE.
        baseline: label of VVC's operating point, whose clean J is 1; None: J is in bits per pixel.
        standings: ranked codecs first, then those without a rank, each by J under attack.
    """

    scope: Scope
    kinds: tuple[str, ...]
    lmbda: float
    baseline: str | None
    standings: tuple[Standing, ...]

    def first(self, order: Order) -> list[Standing]:
        """Return the codecs of the first rank, the lowest figure first; none if none is ranked."""
        lines = [line for line in self.standings if order.position(line).rank == 1]
        return sorted(lines, key=order.value)


def rankings(families: Sequence[Family], baseline: Family | None) -> list[Ranking]:
    """Return the non-empty lists of one budget, each at every lambda.

    Args:
        families: the families.
        baseline: VVC, if it is one of them.
    """
    has_own = any(family.through_gradients for family in families)
    scopes = {
        WITH: ATTACKS,
        WITHOUT: WITHOUT_GRADIENTS,
        ALL: common_threats(families) if has_own else (),
    }
    admitted = {scope: [one for one in families if scope.admits(one)] for scope in scopes}
    return [
        _ranking(scope, kinds, lmbda, admitted[scope], baseline)
        for scope, kinds in scopes.items()
        if admitted[scope] and kinds
        for lmbda in LAMBDAS
    ]


def main_rankings(rankings: Iterable[Ranking]) -> list[Ranking]:
    """Return the lists of codecs that were attacked alike, at the middle lambda."""
    return [one for one in rankings if one.lmbda == LAMBDAS[1] and one.scope is not ALL]


@dataclass(frozen=True)
class _Entrant:
    """A codec of a list: its costs, and why it has no rank."""

    family: Family
    costs: Costs
    exclusions: tuple[str | Flag, ...]


@dataclass(frozen=True)
class _List:
    """What the lines of a list share: the threats that count, the unit of costs, all codecs."""

    scope: Scope
    kinds: tuple[str, ...]
    reference: Costs | None
    entrants: tuple[_Entrant, ...]


def _ranking(
    scope: Scope,
    kinds: tuple[str, ...],
    lmbda: float,
    families: Sequence[Family],
    baseline: Family | None,
) -> Ranking:
    reference = None if baseline is None else costs(baseline, (), lmbda)
    known = [(family, costs(family, kinds, lmbda)) for family in families]
    entrants = (_Entrant(one, cost, _exclusions(scope, cost)) for one, cost in known if cost)
    lines = _lines(_List(scope, kinds, reference, _in_company(tuple(entrants))))
    label = None if reference is None else reference.member.row.place.codec
    return Ranking(scope, kinds, lmbda, label, tuple(sorted(lines, key=_order)))


def _in_company(entrants: tuple[_Entrant, ...]) -> tuple[_Entrant, ...]:
    """Return the codecs of a list; if only one could be ranked, it has no rank either."""
    if sum(not one.exclusions for one in entrants) != 1:
        return entrants
    return tuple(one if one.exclusions else replace(one, exclusions=(ALONE,)) for one in entrants)


def _lines(one: _List) -> list[Standing]:
    by_cost = _positions(one, "R-D cost", lambda cost: cost.attacked, by_ratio=True)
    by_excess = _positions(one, "excess R-D cost", lambda cost: cost.excess, by_ratio=False)
    by_luma = _positions(one, "luma R-D cost", lambda cost: cost.luma, by_ratio=True)
    return [
        _standing(entrant, one.reference, *places)
        for entrant, *places in zip(one.entrants, by_cost, by_excess, by_luma, strict=True)
    ]


def _positions(
    one: _List, title: str, figure: Callable[[Costs], AttackedCost], *, by_ratio: bool
) -> Iterator[Position]:
    """Yield the place of each codec of a list in one order."""
    ranked = [entrant for entrant in one.entrants if not entrant.exclusions]
    samples = [figure(entrant.costs).sample for entrant in ranked]
    found = iter(places(samples, by_ratio=by_ratio))
    for entrant in one.entrants:
        cost, member = figure(entrant.costs), entrant.costs.member
        reasons = doubts(cost, title, member, one.kinds, _flags(one.scope, member))
        if entrant.exclusions:
            yield Position(doubts=reasons)
        else:
            place = next(found)
            ties = tuple(ranked[index].family.name for index in place.ties)
            yield Position(place.rank, ties, reasons)


def _standing(
    entrant: _Entrant,
    reference: Costs | None,
    by_cost: Position,
    by_excess: Position,
    by_luma: Position,
) -> Standing:
    cost, row = entrant.costs, entrant.costs.member.row
    clean, unit = row.clean, reference.clean if reference else dict.fromkeys(cost.clean, 1.0)
    return Standing(
        family=entrant.family,
        codec=row.place.codec,
        run=row.place.run,
        by_cost=by_cost,
        by_excess=by_excess,
        luma_rank=by_luma.rank,
        robustness=ratio(cost.attacked.values, unit),
        excess=ratio(cost.excess.values, unit),
        growth=ratio(cost.attacked.values, cost.clean),
        efficiency=ratio(cost.clean, unit),
        encoding=clean.encoding.median if clean and clean.encoding else None,
        decoding=clean.decoding.median if clean and clean.decoding else None,
        exclusions=entrant.exclusions,
    )


def _exclusions(scope: Scope, cost: Costs) -> tuple[str | Flag, ...]:
    """Return why a codec has no rank."""
    row, scored = cost.member.row, len(cost.attacked.values)
    reasons: list[str | Flag] = []
    if not scored:
        reasons.append("no such attack")
    elif scored < row.place.n_pictures:
        reasons.append(f"{scored} of {row.place.n_pictures} pictures")
    if row.losses.failed:
        reasons.append(f"{row.losses.failed} failed")
    if row.losses.refused:
        reasons.append(f"{row.losses.refused} unsupported")
    return (*reasons, *(one for one in _flags(scope, cost.member) if one.name in MISSING))


def _flags(scope: Scope, member: FamilyMember) -> tuple[Flag, ...]:
    """Return the flags of the attacks that count in a list."""
    return member.row.flags if scope is WITH else member.flags_without_gradients


def _order(line: Standing) -> tuple[bool, float]:
    return line.rank is None, BY_COST.value(line)
