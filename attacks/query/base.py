"""The base class of query attacks: their declarations, and the set-up of their search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.query.search import QuerySearch
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget

Queries: TypeAlias = Annotated[int, Field(ge=1)]
"""The query budget per source picture; each query encodes and decodes one picture."""


@dataclass(frozen=True)
class QueryAttack(ABC):
    """An attack that only encodes and decodes pictures, and returns the best queried picture.

    Args:
        queries: the query budget per source picture.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int]

    queries: Queries = 1000

    @property
    def evaluations(self) -> int:
        """The query budget."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search for adversarial examples of the source pictures, float (B, 3, H, W) in [0, 1]."""
        search = QuerySearch(target, images, budget)
        self._run(search, rngs)
        return search.result()

    @abstractmethod
    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        """Query pictures with `search`, which keeps the best ones.

        Args:
            search: holds the source pictures and the budget.
            rngs: one generator per picture.
        """
