"""R-D cost of a family at its cheapest operating point, clean and under attack.

J = bpp + lambda 255^2 MSE against the source picture; under attack: the highest J of each picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from bench.metrics.scores import rd_cost
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import TAILS, Values, resampled_means
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.worst_case import by_picture

LAMBDAS = (0.0035, 0.013, 0.0483)
"""Weights of the error for low, middle and high rates: CompressAI's second, fourth and sixth."""


@dataclass(frozen=True)
class Costs:
    """R-D cost of each picture for a family at one operating point.

    Attributes:
        member: the operating point with the lowest clean J.
        clean: clean J by picture.
        attacked: highest J under attack by picture; only pictures with a clean J.
        luma: highest J under attack by picture, with the error of the luma only.
    """

    member: FamilyMember
    clean: Mapping[str, float]
    attacked: Mapping[str, float]
    luma: Mapping[str, float]


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same pictures.

    Attributes:
        value: the ratio.
        interval: paired 95 % bootstrap interval over the pictures; None for a single picture.
    """

    value: float
    interval: tuple[float, float] | None


def costs(family: Family, kinds: Sequence[str], lmbda: float) -> Costs | None:
    """Return the R-D costs of a family, or None if it has no clean scores.

    Args:
        family: the family at one budget.
        kinds: the threats that count.
        lmbda: weight of 255^2 MSE.
    """
    member = _cheapest(family, lmbda)
    if member is None:
        return None
    groups = by_picture(member.case.of(*kinds))
    attacked = {name: groups[name] for name in member.case.clean if name in groups}

    def highest(cost: Callable[[Scores], float]) -> dict[str, float]:
        return {
            name: max(cost(attack.scores) for attack in group) for name, group in attacked.items()
        }

    return Costs(
        member=member,
        clean=_clean(member, lmbda),
        attacked=highest(lambda scores: rd_cost(scores.bpp, scores.mse_source, lmbda)),
        luma=highest(lambda scores: rd_cost(scores.bpp, scores.luma_mse_source, lmbda)),
    )


def baseline_of(families: Iterable[Family]) -> Family | None:
    """Return the VVC family with the lowest clean J at the middle lambda."""
    known = ((family, costs(family, (), LAMBDAS[1])) for family in families if family.is_baseline)
    cheapest = {family.name: (fmean(cost.clean.values()), family) for family, cost in known if cost}
    return min(cheapest.values(), key=lambda pair: pair[0])[1] if cheapest else None


def ratio(costs: Mapping[str, float], others: Mapping[str, float]) -> Ratio | None:
    """Return the ratio of two mean costs over their common pictures."""
    first, second = paired(costs, others)
    if not len(first):
        return None
    value = float(first.mean() / second.mean())
    if len(first) < 2:
        return Ratio(value, None)
    low, high = np.percentile(resampled_means(first) / resampled_means(second), TAILS)
    return Ratio(value, (float(low), float(high)))


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> tuple[Values, Values]:
    """Return the values of the common pictures in one order."""
    names = sorted(first.keys() & second.keys())
    return (
        np.array([first[name] for name in names], dtype=np.float64),
        np.array([second[name] for name in names], dtype=np.float64),
    )


def _cheapest(family: Family, lmbda: float) -> FamilyMember | None:
    """Return the member with the lowest mean clean J over the pictures that all members have."""
    known = [(member, _clean(member, lmbda)) for member in family.members if member.case.clean]
    if not known:
        return None
    shared = set.intersection(*(set(clean) for _, clean in known))

    def mean(pair: tuple[FamilyMember, dict[str, float]]) -> float:
        return fmean(pair[1][name] for name in shared or pair[1])

    return min(known, key=mean)[0]


def _clean(member: FamilyMember, lmbda: float) -> dict[str, float]:
    return {
        name: rd_cost(scores.bpp_clean, scores.mse_clean, lmbda)
        for name, scores in member.case.clean.items()
    }
