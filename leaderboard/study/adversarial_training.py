"""Plain models and their adversarially trained twins, compared by what attacks cost both.

A model labelled "NAME hardened" is compared with the one labelled "NAME" of the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, ScoredAttack, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS

SUFFIX = " hardened"
"""What ends the label of a hardened model."""

WANTED: dict[str, Callable[[Scores], float]] = {
    "distortion": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
"""What each objective makes large, as it was measured."""


@dataclass(frozen=True)
class Pair:
    """A model and its hardened twin in one run.

    Attributes:
        name: the plain one's label.
        lmbda: the weight of 255^2 MSE in J.
        plain: its results, by budget.
        hardened: its twin's.
    """

    name: str
    lmbda: float
    plain: Mapping[str, CellGroup]
    hardened: Mapping[str, CellGroup]

    @property
    def clean(self) -> tuple[float, float]:
        """J without an attack, of the plain one and of its twin."""
        budget = next(iter(self.plain))
        return clean_cost(self.plain[budget]), clean_cost(self.hardened[budget])

    @property
    def dearer(self) -> float:
        """How much more the twin costs without an attack, as a share."""
        plain, hardened = self.clean
        return hardened / plain - 1

    def attacked(self, budget: str, objective: str) -> tuple[LossUnderAttack, LossUnderAttack]:
        """Return what both suffered."""
        plain, hardened = (case[budget] for case in (self.plain, self.hardened))
        return suffered(plain, objective), suffered(hardened, objective)

    def has(self, budget: str, objective: str) -> bool:
        """Tell whether both were attacked so."""
        return all(_of(case[budget], objective) for case in (self.plain, self.hardened))

    def fall(self, budget: str, objective: str) -> float:
        """Return the share of the plain one's attacked cost that is gone."""
        plain, hardened = self.attacked(budget, objective)
        return 1 - hardened.cost / plain.cost

    def ceiling(self, budget: str, objective: str) -> float:
        """Return the fall of a codec that attacks do not touch."""
        plain, _ = self.attacked(budget, objective)
        return 1 - self.clean[0] / plain.cost

    def faithful(self, budget: str, objective: str) -> float:
        """Return the fall of a codec to whose own error the change of the picture just adds up."""
        plain, _ = self.attacked(budget, objective)
        return 1 - (self.clean[0] + self.lmbda * 255**2 * plain.change) / plain.cost

    def recovered(self, budget: str, objective: str) -> float:
        """Return the share of the damage that is undone."""
        return self.fall(budget, objective) / self.ceiling(budget, objective)


@dataclass(frozen=True)
class LossUnderAttack:
    """What attacks with one objective did to one model, means over the pictures.

    Attributes:
        cost: J.
        psnr: in dB against the source.
        bpp: bits per pixel.
        change: mean squared change of the pictures, with white as 1.
    """

    cost: float
    psnr: float
    bpp: float
    change: float


def pairs(run: Run) -> Iterator[Pair]:
    """Yield every model of a run that has a hardened twin in it."""
    suite = setting(run)
    found = cases(run, suite)
    for hardened in run.manifest.codecs:
        plain = hardened.removesuffix(SUFFIX)
        if plain != hardened and plain in run.manifest.codecs:
            both = [
                {str(ball): found[label, str(ball)] for ball in suite.balls}
                for label in (plain, hardened)
            ]
            yield Pair(plain, suite.rd_lambda, *both)


def clean_cost(case: CellGroup) -> float:
    """Return J without an attack, the mean over the pictures."""
    return fmean(scores.rd_cost for scores in case.clean.values())


def suffered(case: CellGroup, objective: str, attack: str = "") -> LossUnderAttack:
    """Return the worst of each picture, by what the objective wants, of one attack or of all."""
    made: dict[str, list[Scores]] = {}
    for scored in _of(case, objective):
        if scored.craft.attack.startswith(attack):
            made.setdefault(scored.picture, []).append(scored.scores)
    worst = [max(found, key=WANTED[objective]) for found in made.values()]
    return LossUnderAttack(
        cost=fmean(scores.rd_cost for scores in worst),
        psnr=fmean(scores.psnr_source for scores in worst),
        bpp=fmean(scores.bpp for scores in worst),
        change=fmean(scores.mse_perturbation for scores in worst),
    )


def _of(case: CellGroup, objective: str) -> list[ScoredAttack]:
    """Return what was made through a model's own gradients for an objective."""
    return [one for one in case.of(GRADIENTS) if _name(one.craft.objective) == objective]


def _name(label: str | None) -> str:
    return (label or " ").split(" ")[0]
