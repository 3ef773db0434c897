"""Plain models compared with their adversarially trained (hardened) versions.

A model labelled "NAME hardened" is compared with the model labelled "NAME" of the same run.

    J        = bpp + lambda 255^2 MSE(x, C(x')), against the source picture x
    J(input) = bpp + lambda 255^2 MSE(x', C(x')), against the adversarial picture x'

Part of the attacked J cannot be trained away: a codec that codes x' as well as it codes x has the
error of the perturbation, lambda 255^2 MSE(x, x'), on top of its clean J. That is the J of a
faithful codec. What an attack causes beyond it is the recoverable gap. J(input) has no such part;
some published code for adversarial training measures it.

The error of a faithful codec is the sum of its coding error and the perturbation, and the two need
not be orthogonal. Where they point in the same direction, J has another term, at most
lambda 255^2 2 sqrt(MSE(coding) MSE(perturbation)). With it, this is the J of an aligned codec.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from bench.metrics.scores import rd_cost as rd_cost_of
from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import ensembles_of, setting
from leaderboard.aggregate.threats import ATTACKS, GRADIENTS
from leaderboard.ranking.rd_costs import excess_cost
from leaderboard.study.excess_parts import ExcessParts, excess_parts
from leaderboard.study.losses import LossUnderAttack, attacks_for, clean_mean, rd_cost, worst_case

HARDENED_SUFFIX = " hardened"
"""The end of a hardened model's label."""

Cost = Callable[[Scores], float]


@dataclass(frozen=True)
class HardenedPair:
    """A plain model and its hardened version in one run.

    Methods without an objective are about the worst case of all attacks on each picture, and return
    means over the pictures.

    Attributes:
        name: label of the plain model.
        ensemble: label of the ensemble, if all attacks belong to one; empty otherwise.
        lmbda: the weight of 255^2 MSE in the R-D cost.
        plain: results of the plain model, by budget.
        hardened: results of the hardened model, by budget.
    """

    name: str
    ensemble: str
    lmbda: float
    plain: Mapping[str, CellGroup]
    hardened: Mapping[str, CellGroup]

    @property
    def title(self) -> str:
        """The name, and the ensemble of attacks if there is one."""
        return f"{self.name}, {self.ensemble}" if self.ensemble else self.name

    @property
    def clean_costs(self) -> tuple[float, float]:
        """The clean R-D cost of the plain and of the hardened model."""
        budget = next(iter(self.plain))
        plain, hardened = (clean_mean(side[budget], rd_cost) for side in self._sides)
        return plain, hardened

    @property
    def clean_increase(self) -> float:
        """The increase of the clean R-D cost through hardening, as a share."""
        plain, hardened = self.clean_costs
        return hardened / plain - 1

    def costs(self, budget: str) -> tuple[float, float]:
        """Return J under attack of both models."""
        return self._worst(budget, rd_cost)

    def input_costs(self, budget: str) -> tuple[float, float]:
        """Return J(input) under attack of both models."""
        return self._worst(budget, self._input_cost)

    def excess_costs(self, budget: str) -> tuple[float, float]:
        """Return by how much J under attack exceeds that of a faithful codec, for both models."""
        return self._worst(budget, self._excess)

    def excess_parts(self, budget: str) -> tuple[ExcessParts, ExcessParts]:
        """Return the parts of the excess costs of both models."""
        plain, hardened = (
            excess_parts(worst_scores(side[budget], self._excess).values(), self.lmbda)
            for side in self._sides
        )
        return plain, hardened

    def faithful_cost(self, budget: str) -> float:
        """Return J of a faithful codec with the plain model's clean J, under its worst attacks."""
        return self._unavoidable(budget, lambda scores: scores.mse_perturbation)

    def aligned_cost(self, budget: str) -> float:
        """Return J of a faithful codec whose coding error has the direction of the perturbation."""
        return self._unavoidable(
            budget,
            lambda scores: (
                scores.mse_perturbation + 2 * math.sqrt(scores.mse_clean * scores.mse_perturbation)
            ),
        )

    def recovered(self, budget: str) -> float:
        """Return the share of the recoverable gap that hardening recovers; it can exceed 1."""
        return self._recovered(budget, self.faithful_cost(budget))

    def recovered_aligned(self, budget: str) -> float:
        """Return the share of the gap to an aligned codec; NaN where the plain model has none."""
        return self._recovered(budget, self.aligned_cost(budget))

    def losses(self, budget: str, objective: str) -> tuple[LossUnderAttack, LossUnderAttack]:
        """Return the white-box worst case of the plain and of the hardened model."""
        plain, hardened = (worst_case(side[budget], GRADIENTS, objective) for side in self._sides)
        return plain, hardened

    def was_attacked(self, budget: str, objective: str) -> bool:
        """Tell whether both models have white-box results for an objective at a budget."""
        return all(
            budget in side and attacks_for(side[budget], GRADIENTS, objective)
            for side in self._sides
        )

    def reduction(self, budget: str, objective: str) -> float:
        """Return the share of the plain model's R-D cost under attack that hardening removes."""
        plain, hardened = (loss.average(rd_cost) for loss in self.losses(budget, objective))
        return 1 - hardened / plain

    def input_reduction(self, budget: str, objective: str) -> float:
        """Return the share of the plain model's J(input) under attack that hardening removes."""
        plain, hardened = (
            loss.average(self._input_cost) for loss in self.losses(budget, objective)
        )
        return 1 - hardened / plain

    def ceiling(self, budget: str, objective: str) -> float:
        """Return the reduction of a codec that attacks do not affect."""
        plain, _ = self.losses(budget, objective)
        return 1 - self.clean_costs[0] / plain.average(rd_cost)

    def faithful_ceiling(self, budget: str, objective: str) -> float:
        """Return the reduction of a codec that keeps the perturbation and adds nothing to it."""
        plain, _ = self.losses(budget, objective)
        perturbation = plain.average(lambda scores: scores.mse_perturbation)
        faithful = self.clean_costs[0] + self._error_cost(perturbation)
        return 1 - faithful / plain.average(rd_cost)

    def _unavoidable(self, budget: str, added_mse: Cost) -> float:
        """Return the plain model's clean J plus that of an added MSE, under its worst attacks."""
        group = self.plain[budget]
        worst = worst_scores(group, rd_cost)
        added = (self._error_cost(added_mse(scores)) for scores in worst.values())
        return fmean(group.clean[name].rd_cost for name in worst) + fmean(added)

    def _recovered(self, budget: str, unavoidable: float) -> float:
        plain, hardened = self.costs(budget)
        return (plain - hardened) / (plain - unavoidable) if plain > unavoidable else math.nan

    def _worst(self, budget: str, cost: Cost) -> tuple[float, float]:
        plain, hardened = (
            fmean(cost(scores) for scores in worst_scores(side[budget], cost).values())
            for side in self._sides
        )
        return plain, hardened

    def _excess(self, scores: Scores) -> float:
        return excess_cost(scores, self.lmbda)

    def _input_cost(self, scores: Scores) -> float:
        return rd_cost_of(scores.bpp, scores.mse_input, self.lmbda)

    def _error_cost(self, mse: float) -> float:
        return rd_cost_of(0.0, mse, self.lmbda)

    @property
    def _sides(self) -> tuple[Mapping[str, CellGroup], Mapping[str, CellGroup]]:
        return self.plain, self.hardened


def worst_scores(group: CellGroup, cost: Cost) -> dict[str, Scores]:
    """Return the scores with the highest cost under any attack, by picture."""
    worst: dict[str, Scores] = {}
    for scored in group.of(*ATTACKS):
        known = worst.get(scored.picture)
        if known is None or cost(scored.scores) > cost(known):
            worst[scored.picture] = scored.scores
    return worst


def hardened_pairs(run: Run) -> Iterator[HardenedPair]:
    """Yield every model of a run that has a hardened version in the same run."""
    for label in run.manifest.codecs:
        plain = label.removesuffix(HARDENED_SUFFIX)
        if plain != label and plain in run.manifest.codecs:
            yield pair_of(run, plain, label)


def pair_of(run: Run, plain: str, hardened: str) -> HardenedPair:
    """Return the comparison of two models of a run, by their labels."""
    suite = setting(run)
    groups = cases(run, suite)
    sides = [
        {str(budget): groups[name, str(budget)] for budget in suite.balls}
        for name in (plain, hardened)
    ]
    return HardenedPair(plain, ", ".join(ensembles_of(run)), suite.rd_lambda, *sides)
