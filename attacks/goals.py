"""Ensembles of searches for the smallest perturbation that reaches a goal.

`minimum-perturbation` sets goals relative to the source picture: the loss of some dB of PSNR, a
multiple of the rate. `chosen-quality` sets absolute ones: a PSNR, a number of bits per pixel. Both
give one search by gradients for each goal, and one by queries, for the codecs without gradients.
Their pictures are scored on their sources and the defended versions of these only, because they
are the smallest ones of their sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias

from pydantic import Field

Rounds: TypeAlias = Annotated[int, Field(ge=1)]
"""The largest number of radii."""

GoalValue: TypeAlias = Annotated[float, Field(gt=0)]
"""The value that an objective must reach, or a factor of its value of the source picture."""

NORMS = ("linf", "l2", "mse")
"""The kinds of budget whose radius can be bisected: a scaled perturbation has a known size."""

Steps: TypeAlias = Annotated[int, Field(ge=1)]
Queries: TypeAlias = Annotated[int, Field(ge=0)]


class _Aim(NamedTuple):
    """A goal of one objective.

    Attributes:
        objective: name of the objective.
        title: the goal in the labels of the searches.
        goal: the value that the objective must reach.
    """

    objective: str
    title: str
    goal: float


@dataclass(frozen=True)
class _Effort:
    """The parameters of all searches.

    Args:
        steps: number of gradient steps at one radius.
        queries: largest number of queries at one radius; 0 leaves the searches by queries out.
        rounds: largest number of radii.
    """

    steps: Steps = 30
    queries: Queries = 50
    rounds: Rounds = 8

    def _searches(
        self, title: str, aims: Sequence[_Aim], wanted: Set[str], *, relative: bool
    ) -> Sequence[Mapping[str, Any]]:
        effort = {
            "minimum-apgd": {"steps": self.steps},
            "minimum-square": {"queries": self.queries},
        }
        return [
            {
                "name": name,
                "label": f"{title}: {aim.title}{', by queries' * (name == 'minimum-square')}",
                "goal": aim.goal,
                "relative": relative,
                **own,
                "rounds": self.rounds,
                "objectives": aim.objective,
                "transfer": "none",
            }
            for aim in aims
            if aim.objective in wanted
            for name, own in effort.items()
            if name != "minimum-square" or self.queries
        ]


@dataclass(frozen=True)
class MinimumPerturbation(_Effort):
    """The smallest perturbations that lose some dB of PSNR, and that multiply the rate.

    Each objective of the suite that is one of distortion and rate has one goal.

    Args:
        loss_db: the loss of PSNR against the source picture, in dB.
        growth: the rate as a multiple of the clean rate.
    """

    version: ClassVar[int] = 1

    loss_db: Annotated[float, Field(gt=0)] = 3.0
    growth: Annotated[float, Field(gt=1)] = 1.5

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the members for these objectives and budgets, as items of a suite's `attacks`."""
        aims = (
            _Aim("distortion", f"loss {self.loss_db:g} dB", 10 ** (self.loss_db / 10)),
            _Aim("rate", f"rate ×{self.growth:g}", self.growth),
        )
        title = f"minimum-perturbation-{self.version}"
        return self._searches(title, aims, wanted, relative=True) if budgets & set(NORMS) else []


@dataclass(frozen=True)
class ChosenQuality(_Effort):
    """The smallest perturbations that lower the PSNR, or raise the rate, to a chosen value.

    Each value that is given is a goal, if its objective is one of the suite's.

    Args:
        psnr: the PSNR of the reconstruction against the source picture, in dB.
        bpp: the rate in bits per pixel.
    """

    version: ClassVar[int] = 1

    psnr: Annotated[float, Field(gt=0, le=100)] | None = None
    bpp: Annotated[float, Field(gt=0)] | None = None

    def __post_init__(self) -> None:
        """Check that there is a goal."""
        if self.psnr is None and self.bpp is None:
            raise ValueError("'chosen-quality' has no goal; set 'psnr', 'bpp' or both")

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the members for these objectives and budgets, as items of a suite's `attacks`."""
        aims = []
        if self.psnr is not None:
            aims.append(_Aim("distortion", f"PSNR {self.psnr:g} dB", 10 ** (-self.psnr / 10)))
        if self.bpp is not None:
            aims.append(_Aim("rate", f"{self.bpp:g} bpp", self.bpp))
        title = f"chosen-quality-{self.version}"
        return self._searches(title, aims, wanted, relative=False) if budgets & set(NORMS) else []
