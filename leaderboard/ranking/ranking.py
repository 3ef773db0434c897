"""Who stands above whom: like with like, in absolute cost, and only where the pictures tell.

    families --scope--> lists --lambda--> standings, ranked ones first

A codec that is bad to begin with must not win by having little to lose, so families are ranked by
what they cost under attack, each at the operating point that is cheapest without one. `RULE` says
it in the words of the board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from leaderboard.aggregate.bootstrap import is_separated
from leaderboard.aggregate.families import Family, alike
from leaderboard.aggregate.flags import REMARKS
from leaderboard.aggregate.threats import ATTACKS, WITHOUT_GRADIENTS
from leaderboard.ranking.rd_costs import LAMBDAS, Costs, Ratio, costs, paired, ratio

RULE = (
    "**Cost.** A picture costs J = bpp + λ·255²·MSE, the error being against the source picture, at"
    f" three weights: λ = {', '.join(f'{lmbda:g}' for lmbda in LAMBDAS)} for low, middle and high"
    " rates.",
    "**Operating point.** Every codec stands with the one of its qualities that has the lowest mean"
    " J on the unattacked pictures.",
    "**Order.** Under attack J is the largest that any attack reached, for each picture. The mean"
    " over the pictures decides, the lowest first. It is written as a multiple of what VVC costs"
    " unattacked (of several VVCs, the one that costs least unattacked at the middle λ), so that no"
    " codec can win by being bad to begin with. 'grows' is the codec's own"
    " attacked J by its own unattacked J.",
    "**Like with like.** Codecs attacked through their own gradients and codecs attacked without"
    " stand in separate lists. The list of all codecs counts only attacks that use no gradient of"
    " the codec, and these are weaker; of these only kinds that codecs with gradients and codecs"
    " without were both given. A picture made against a codec is no such attack on itself. There is"
    " no such list where nothing of that kind was given to both.",
    "**Ties.** Going down a list, a codec shares the rank of the last one that opened a rank,"
    " unless the 95 % interval of the difference of their mean J lies beside zero; it is that of"
    " 2,000 resamples of the pictures, the same for both.",
    "**Doubt.** A codec has no rank, and stands below those that have one, while its run is"
    " unfinished, a picture of it is missing, failed or was refused once attacked, or"
    " a flag says that its attack may have been too weak. What searches against other codecs"
    " noticed is held against those alone.",
    "**Colour.** Codecs marked 4:2:0 keep colour at half the size and lose PSNR by that alone."
    " 'luma rank' is the rank by the same rule where the error is that of the luma.",
)
"""How codecs are ranked: one paragraph a rule, markdown."""


@dataclass(frozen=True)
class Scope:
    """A list: which families it holds.

    Attributes:
        title: of the list.
        admits: whether a family stands in it.
    """

    title: str
    admits: Callable[[Family], bool]


WITH = Scope("attacked through their own gradients", lambda family: family.through_gradients)
WITHOUT = Scope("attacked without gradients", lambda family: not family.through_gradients)
ALL = Scope("all codecs, attacks without gradients alone", lambda _: True)


@dataclass(frozen=True)
class Standing:
    """One line of a list.

    Attributes:
        family: the codec.
        codec: label of its operating point, the cheapest unattacked one.
        run: name of its run on the board.
        rank: from 1; None if it has none.
        tied: whether another one has the same rank.
        luma_rank: the rank where the error is that of the luma; None likewise.
        robustness: attacked J by VVC's clean J, without VVC by 1; None if it was not attacked so.
        growth: attacked J by its own clean J.
        efficiency: clean J by VVC's clean J, without VVC by 1.
        encoding: seconds a megapixel unattacked, on the machine that ran it.
        decoding: likewise.
        doubts: why it has no rank.
    """

    family: Family
    codec: str
    run: str
    rank: int | None
    tied: bool
    luma_rank: int | None
    robustness: Ratio | None
    growth: Ratio | None
    efficiency: Ratio | None
    encoding: float | None
    decoding: float | None
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """One list at one lambda.

    Attributes:
        scope: which list.
        kinds: of attacked pictures that count in it.
        lmbda: weight of 255^2 MSE.
        baseline: label of VVC's operating point, whose clean J is 1; None: J is in bits per pixel.
        standings: ranked ones first, each part in the order of attacked J.
    """

    scope: Scope
    kinds: tuple[str, ...]
    lmbda: float
    baseline: str | None
    standings: tuple[Standing, ...]


def rankings(found: Sequence[Family], baseline: Family | None) -> list[Ranking]:
    """Return the lists of one budget, each at every lambda; those that say nothing are left out.

    Args:
        found: the families.
        baseline: VVC, if it is among them.
    """
    own = any(family.through_gradients for family in found)
    scopes = {WITH: ATTACKS, WITHOUT: WITHOUT_GRADIENTS, ALL: alike(found) if own else ()}
    admitted = {scope: [one for one in found if scope.admits(one)] for scope in scopes}
    return [
        _ranking(scope, kinds, lmbda, admitted[scope], baseline)
        for scope, kinds in scopes.items()
        if admitted[scope] and kinds
        for lmbda in LAMBDAS
    ]


def _ranking(
    scope: Scope,
    kinds: tuple[str, ...],
    lmbda: float,
    families: Sequence[Family],
    baseline: Family | None,
) -> Ranking:
    reference = None if baseline is None else costs(baseline, (), lmbda)
    known = [(family, costs(family, kinds, lmbda)) for family in families]
    pairs = [(family, cost) for family, cost in known if cost is not None]
    lines = [_standing(family, scope, cost, reference) for family, cost in pairs]
    sound = [not line.doubts for line in lines]
    ranks = _ranks([cost.attacked for _, cost in pairs], sound)
    luma = _ranks([cost.luma for _, cost in pairs], sound)
    ranked = [
        replace(line, rank=rank, luma_rank=other, tied=rank is not None and ranks.count(rank) > 1)
        for line, rank, other in zip(lines, ranks, luma, strict=True)
    ]
    label = None if reference is None else reference.member.row.place.codec
    return Ranking(scope, kinds, lmbda, label, tuple(sorted(ranked, key=_order)))


def _standing(family: Family, scope: Scope, found: Costs, reference: Costs | None) -> Standing:
    row, clean = found.member.row, found.member.row.clean
    unit = reference.clean if reference else dict.fromkeys(found.clean, 1.0)
    return Standing(
        family=family,
        codec=row.place.codec,
        run=row.place.run,
        rank=None,
        tied=False,
        luma_rank=None,
        robustness=ratio(found.attacked, unit),
        growth=ratio(found.attacked, found.clean),
        efficiency=ratio(found.clean, unit),
        encoding=clean.encoding.median if clean and clean.encoding else None,
        decoding=clean.decoding.median if clean and clean.decoding else None,
        doubts=tuple(_doubts(scope, found)),
    )


def _doubts(scope: Scope, found: Costs) -> list[str]:
    """Return why a line has no rank."""
    row = found.member.row
    told = []
    if not found.attacked:
        told.append("no such attack")
    elif len(found.attacked) < row.place.asked:
        told.append(f"{len(found.attacked)} of {row.place.asked} pictures")
    if row.losses.failed:
        told.append(f"{row.losses.failed} failed")
    if row.losses.refused:
        told.append(f"{row.losses.refused} refused")
    flags = row.flags if scope is WITH else found.member.alike
    return told + [str(flag) for flag in flags if flag.name not in REMARKS]


def _ranks(costs: Sequence[Mapping[str, float]], sound: Sequence[bool]) -> list[int | None]:
    """Return the rank of each, ties sharing one; None for what is in doubt."""
    ranks: list[int | None] = [None] * len(costs)
    order = sorted(
        (index for index, is_sound in enumerate(sound) if is_sound),
        key=lambda index: fmean(costs[index].values()),
    )
    first = None
    for position, index in enumerate(order, 1):
        if first is None or is_separated(*paired(costs[first], costs[index])):
            first, rank = index, position
        ranks[index] = rank
    return ranks


def _order(line: Standing) -> tuple[bool, bool, float]:
    attacked = line.robustness
    return line.rank is None, attacked is None, attacked.value if attacked else 0.0
