"""Ranks of codecs: comparable attacks only, by R-D cost under attack, with ties and exclusions.

    families --scope--> lists --lambda--> standings, ranked ones first

Ranking by the loss alone would favour codecs that are inefficient to begin with. Families are
therefore ranked by their R-D cost under attack, each at the operating point with the lowest clean
R-D cost. `RULE` states the rule in the words of the board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from leaderboard.aggregate.bootstrap import is_separated
from leaderboard.aggregate.families import Family, common_threats
from leaderboard.aggregate.flags import REMARKS, Flag
from leaderboard.aggregate.threats import ATTACKS, WITHOUT_GRADIENTS
from leaderboard.ranking.rd_costs import LAMBDAS, Costs, Ratio, costs, paired, ratio

RULE = (
    "**Cost.** The R-D cost of a picture is J = bpp + λ·255²·MSE, with the error against the source"
    f" picture. There are three weights: λ = {', '.join(f'{lmbda:g}' for lmbda in LAMBDAS)} for"
    " low, middle and high rates.",
    "**Operating point.** Every codec is ranked at the quality setting with the lowest mean clean"
    " J.",
    "**Order.** J under attack is the highest that any attack reached, for each picture. The mean"
    " over the pictures decides; lower is better. It is given as a multiple of the clean J of VVC"
    " (of several VVCs, the one with the lowest clean J at the middle λ), so that no codec can win"
    " by being inefficient to begin with. 'increase' is the codec's J under attack as a multiple of"
    " its own clean J.",
    "**Comparable attacks.** Codecs attacked through their own gradients and codecs attacked"
    " without gradients stand in separate lists. The list of all codecs counts only attacks that"
    " use no gradient of the victim. These are weaker. Of these attacks, it counts only threats"
    " that both groups of codecs were scored on. An adversarial picture that was found on a codec"
    " does not count as a transfer attack on that codec. The list is left out if the groups have no"
    " such threat in common.",
    "**Ties.** From the top of a list down, a codec shares the rank of the last codec that opened a"
    " rank, unless the 95 % interval of the difference of their mean J excludes zero. The interval"
    " comes from 2,000 resamples of the pictures, the same for both codecs.",
    "**Exclusion.** A codec has no rank, and is listed below the ranked codecs, if its run is"
    " unfinished, if a picture is missing, failed or is unsupported under attack, or if a flag says"
    " that its attack may have been too weak. Flags of searches on other codecs count only against"
    " those codecs.",
    "**Colour.** Codecs marked 4:2:0 use chroma subsampling, which alone lowers their PSNR. 'luma"
    " rank' is the rank by the same rule with the error of the luma only.",
)
"""The ranking rule: one paragraph per part, markdown."""


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
class Standing:
    """One line of a ranking.

    Attributes:
        family: the codec.
        codec: label of the operating point with the lowest clean J.
        run: name of its run on the board.
        rank: from 1; None if the codec is excluded.
        tied: whether another codec has the same rank.
        luma_rank: rank with the error of the luma only; None if the codec is excluded.
        robustness: J under attack by VVC's clean J, or by 1 without VVC; None without attacks.
        growth: J under attack by its own clean J.
        efficiency: clean J by VVC's clean J, or by 1 without VVC.
        encoding: seconds per megapixel without an attack, on the machine of the run.
        decoding: seconds per megapixel without an attack, on the machine of the run.
        exclusions: why it has no rank: sentences and flags.
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
    exclusions: tuple[str | Flag, ...]


@dataclass(frozen=True)
class Ranking:
    """One list at one lambda.

    Attributes:
        scope: which list.
        kinds: the threats that count in it.
        lmbda: weight of 255^2 MSE.
        baseline: label of VVC's operating point, whose clean J is 1; None: J is in bits per pixel.
        standings: ranked codecs first, then excluded ones, each by J under attack.
    """

    scope: Scope
    kinds: tuple[str, ...]
    lmbda: float
    baseline: str | None
    standings: tuple[Standing, ...]


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
    is_ranked = [not line.exclusions for line in lines]
    ranks = _ranks([cost.attacked for _, cost in pairs], is_ranked)
    luma = _ranks([cost.luma for _, cost in pairs], is_ranked)
    ranked = [
        replace(line, rank=rank, luma_rank=other, tied=rank is not None and ranks.count(rank) > 1)
        for line, rank, other in zip(lines, ranks, luma, strict=True)
    ]
    label = None if reference is None else reference.member.row.place.codec
    return Ranking(scope, kinds, lmbda, label, tuple(sorted(ranked, key=_order)))


def _standing(family: Family, scope: Scope, cost: Costs, reference: Costs | None) -> Standing:
    row, clean = cost.member.row, cost.member.row.clean
    unit = reference.clean if reference else dict.fromkeys(cost.clean, 1.0)
    return Standing(
        family=family,
        codec=row.place.codec,
        run=row.place.run,
        rank=None,
        tied=False,
        luma_rank=None,
        robustness=ratio(cost.attacked, unit),
        growth=ratio(cost.attacked, cost.clean),
        efficiency=ratio(cost.clean, unit),
        encoding=clean.encoding.median if clean and clean.encoding else None,
        decoding=clean.decoding.median if clean and clean.decoding else None,
        exclusions=tuple(_exclusions(scope, cost)),
    )


def _exclusions(scope: Scope, cost: Costs) -> list[str | Flag]:
    """Return why a line has no rank."""
    row = cost.member.row
    reasons: list[str | Flag] = []
    if not cost.attacked:
        reasons.append("no such attack")
    elif len(cost.attacked) < row.place.n_pictures:
        reasons.append(f"{len(cost.attacked)} of {row.place.n_pictures} pictures")
    if row.losses.failed:
        reasons.append(f"{row.losses.failed} failed")
    if row.losses.refused:
        reasons.append(f"{row.losses.refused} unsupported")
    flags = row.flags if scope is WITH else cost.member.flags_without_gradients
    return reasons + [flag for flag in flags if flag.name not in REMARKS]


def _ranks(costs: Sequence[Mapping[str, float]], is_ranked: Sequence[bool]) -> list[int | None]:
    """Return the rank of each codec, with ties; None for excluded codecs."""
    ranks: list[int | None] = [None] * len(costs)
    order = sorted(
        (index for index, ranked in enumerate(is_ranked) if ranked),
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
