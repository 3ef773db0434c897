"""R-D cost of a family at its cheapest operating point, clean and under attack.

    J        = bpp + lambda 255^2 MSE(x, C(x')), against the source picture x
    excess J = J - (clean J + lambda 255^2 MSE(x, x'))

A codec that codes the adversarial picture x' as well as it codes x, and at the same rate, has the
error of x plus the perturbation: the term in brackets. That cost no faithful codec can avoid. The
excess is what the attack causes beyond it: bits, and error that the codec adds to the perturbation.
It is below 0 where the codec removes part of the perturbation. Both costs are in bits per pixel;
under attack each picture counts with the highest one that any attack reached, each cost by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

import numpy as np

from bench.metrics.scores import rd_cost
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import (
    TAILS,
    Sample,
    Sampled,
    Value,
    resampled_means,
    sample,
)
from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.starts import worst
from leaderboard.aggregate.worst_case import by_picture

Cost: TypeAlias = Callable[[Scores], float]

LAMBDAS = (0.0035, 0.013, 0.0483)
"""Weights of the error for low, middle and high rates: CompressAI's second, fourth and sixth."""


@dataclass(frozen=True)
class AttackedCost:
    """A cost under attack; only of pictures with clean scores.

    Attributes:
        cost: the cost of the scores of an adversarial picture.
        values: the highest cost of each picture, by its name.
        deciders: the adversarial picture with that cost, by the name of its source picture.
    """

    cost: Cost
    values: Mapping[str, Sampled]
    deciders: Mapping[str, ScoredAttack]

    @property
    def sample(self) -> Sample:
        """The values in the order of the pictures' names."""
        return sample(self.values[name] for name in sorted(self.values))


@dataclass(frozen=True)
class Costs:
    """R-D costs of a family at one operating point.

    Attributes:
        member: the operating point with the lowest clean J.
        clean: clean J by picture.
        attacked: J under attack.
        excess: excess J under attack.
        luma: J under attack, with the error of the luma only.
        error: mean squared error under attack, which decides the lowest PSNR.
    """

    member: FamilyMember
    clean: Mapping[str, float]
    attacked: AttackedCost
    excess: AttackedCost
    luma: AttackedCost
    error: AttackedCost


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same pictures.

    Attributes:
        value: the ratio.
        interval: paired 95 % bootstrap interval over pictures and starts; None for one picture.
    """

    value: float
    interval: tuple[float, float] | None

    @property
    def reach(self) -> tuple[float, float] | None:
        """How far the interval reaches below and above the ratio; None without one."""
        if self.interval is None:
            return None
        low, high = self.interval
        return max(0.0, self.value - low), max(0.0, high - self.value)


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
    known = {name: groups[name] for name in member.case.clean if name in groups}
    return Costs(
        member=member,
        clean=_clean(member, lmbda),
        attacked=highest(known, lmbda),
        excess=_highest(known, lambda scores: excess_cost(scores, lmbda)),
        luma=_highest(known, lambda scores: rd_cost(scores.bpp, scores.luma_mse_source, lmbda)),
        error=_highest(known, lambda scores: scores.mse_source),
    )


def baseline_of(families: Iterable[Family]) -> Family | None:
    """Return the VVC family with the lowest clean J at the middle lambda."""
    known = ((family, costs(family, (), LAMBDAS[1])) for family in families if family.is_baseline)
    cheapest = {family.name: (fmean(cost.clean.values()), family) for family, cost in known if cost}
    return min(cheapest.values(), key=lambda pair: pair[0])[1] if cheapest else None


def ratio(costs: Mapping[str, Value], others: Mapping[str, float]) -> Ratio | None:
    """Return the ratio of two mean costs over their common pictures."""
    names = sorted(costs.keys() & others.keys())
    if not names:
        return None
    first, second = sample(costs[name] for name in names), sample(others[name] for name in names)
    value = float(first.values.mean() / second.values.mean())
    if len(names) < 2:
        return Ratio(value, None)
    low, high = np.percentile(resampled_means(first) / resampled_means(second), TAILS)
    return Ratio(value, (float(low), float(high)))


def highest(groups: Mapping[str, Sequence[ScoredAttack]], lmbda: float) -> AttackedCost:
    """Return J under the attacks on some pictures, by the name of the picture."""
    return _highest(groups, lambda scores: _attacked(scores, lmbda))


def _highest(groups: Mapping[str, Sequence[ScoredAttack]], cost: Cost) -> AttackedCost:
    found = {name: worst(group, lambda one: cost(one.scores)) for name, group in groups.items()}
    return AttackedCost(
        cost=cost,
        values={name: one.of(lambda attack: cost(attack.scores)) for name, one in found.items()},
        deciders={name: one.attack for name, one in found.items()},
    )


def _attacked(scores: Scores, lmbda: float) -> float:
    return rd_cost(scores.bpp, scores.mse_source, lmbda)


def excess_cost(scores: Scores, lmbda: float) -> float:
    """Return the excess J of an adversarial picture."""
    faithful = rd_cost(scores.bpp_clean, scores.mse_clean + scores.mse_perturbation, lmbda)
    return _attacked(scores, lmbda) - faithful


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
