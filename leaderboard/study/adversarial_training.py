"""Plain models compared with their adversarially trained (hardened) versions.

A model labelled "NAME hardened" is compared with the model labelled "NAME" of the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.study.losses import LossUnderAttack, attacks_for, clean_mean, rd_cost, worst_case

HARDENED_SUFFIX = " hardened"
"""The end of a hardened model's label."""


@dataclass(frozen=True)
class HardenedPair:
    """A plain model and its hardened version in one run.

    Attributes:
        name: label of the plain model.
        lmbda: the weight of 255^2 MSE in the R-D cost.
        plain: results of the plain model, by budget.
        hardened: results of the hardened model, by budget.
    """

    name: str
    lmbda: float
    plain: Mapping[str, CellGroup]
    hardened: Mapping[str, CellGroup]

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

    def ceiling(self, budget: str, objective: str) -> float:
        """Return the reduction of a codec that attacks do not affect."""
        plain, _ = self.losses(budget, objective)
        return 1 - self.clean_costs[0] / plain.average(rd_cost)

    def faithful_ceiling(self, budget: str, objective: str) -> float:
        """Return the reduction of a codec that keeps the perturbation and adds nothing to it."""
        plain, _ = self.losses(budget, objective)
        perturbation = plain.average(lambda scores: scores.mse_perturbation)
        faithful = self.clean_costs[0] + self.lmbda * 255**2 * perturbation
        return 1 - faithful / plain.average(rd_cost)

    def recovered(self, budget: str, objective: str) -> float:
        """Return the share of the damage that hardening removes."""
        return self.reduction(budget, objective) / self.ceiling(budget, objective)

    @property
    def _sides(self) -> tuple[Mapping[str, CellGroup], Mapping[str, CellGroup]]:
        return self.plain, self.hardened


def hardened_pairs(run: Run) -> Iterator[HardenedPair]:
    """Yield every model of a run that has a hardened version in the same run."""
    suite = setting(run)
    groups = cases(run, suite)
    for label in run.manifest.codecs:
        plain = label.removesuffix(HARDENED_SUFFIX)
        if plain != label and plain in run.manifest.codecs:
            sides = [
                {str(budget): groups[name, str(budget)] for budget in suite.balls}
                for name in (plain, label)
            ]
            yield HardenedPair(plain, suite.rd_lambda, *sides)
