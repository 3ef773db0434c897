"""The base classes of gradient attacks: their declarations, and the set-up of their search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.search import GradientSearch
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

Steps: TypeAlias = Annotated[int, Field(ge=1)]
StepSize: TypeAlias = Annotated[float, Field(gt=0)]
Restarts: TypeAlias = Annotated[int, Field(ge=1)]


class GradientAttack(ABC):
    """An attack that follows gradients and returns the best picture that it has evaluated.

    Subclasses are frozen dataclasses whose fields are the parameters in a suite.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int]

    @property
    @abstractmethod
    def evaluations(self) -> int:
        """The largest number of gradients and values per picture."""

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search for adversarial examples of the source pictures, float (B, 3, H, W) in [0, 1]."""
        search = GradientSearch(target, images, budget)
        self._run(search, rngs)
        return search.result()

    @abstractmethod
    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        """Evaluate pictures with `search`, which keeps the best ones.

        Args:
            search: holds the source pictures and the budget.
            rngs: one generator per picture.
        """


class RestartedAttack(GradientAttack):
    """A gradient attack from random starts; the best picture of all restarts is returned.

    It can also start from given pictures.
    """

    @property
    @abstractmethod
    def steps(self) -> int:
        """The number of steps per restart."""

    @property
    @abstractmethod
    def restarts(self) -> int:
        """The number of random starts."""

    @property
    def evaluations(self) -> int:
        """Per restart, one gradient per step and the value of the last picture."""
        return (self.steps + 1) * self.restarts

    def from_pictures(
        self, target: Target, images: Tensor, budget: Budget, start: Tensor
    ) -> AttackResult:
        """Search once from `start`, see `bench.attack.WarmStarting`."""
        search = GradientSearch(target, images, budget)
        self._ascend(search, search.project(start))
        return search.result()

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        for _ in range(self.restarts):
            self._ascend(search, search.budget.sample(search.source, rngs))

    @abstractmethod
    def _ascend(self, search: GradientSearch, images: Tensor) -> None:
        """Search from random pictures inside the budget, float (B, 3, H, W)."""
