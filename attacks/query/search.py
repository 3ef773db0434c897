"""The search that query attacks share: 8-bit queries inside the budget, and the best of them.

    search = QuerySearch(target, source, budget)
    values, queried = search.evaluate(candidates)     repeatedly
    return search.result()                            the best pictures, as they were queried

Every query is a valid adversarial example: each candidate is first projected onto the budget and
rounded to 8 bits. The queried pictures are returned with their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import AttackResult
from bench.budget import Budget
from bench.queries import BestQueries


class QueryTarget(Protocol):
    """The part of `bench.attack.Target` that answers queries."""

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Encode and decode pictures and return their values."""
        ...


class QuerySearch:
    """Queries a target and keeps the best picture inside the budget for each source picture.

    Args:
        target: the function to maximise.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: the budget onto which candidates are projected.
    """

    def __init__(self, target: QueryTarget, source: Tensor, budget: Budget) -> None:
        self._target = target
        self._best = BestQueries(source, budget)
        self.source = source
        self.budget = budget

    @property
    def images(self) -> Tensor:
        """The best pictures so far, float (B, 3, H, W); the source where no query has a value."""
        return self._best.images

    @property
    def values(self) -> Tensor:
        """The values of the best pictures, (B,)."""
        return self._best.values

    def evaluate(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Query the same number of candidates for each source picture, all at once.

        Args:
            candidates: float (N, B, 3, H, W).

        Returns:
            The values, (N, B), and the queried pictures, of the shape of `candidates`.
        """
        count, batch = candidates.shape[:2]
        sources = self.source.repeat(count, 1, 1, 1)
        levels = self.budget.rounded(candidates.flatten(0, 1), sources)
        owners = list(range(batch)) * count
        pictures = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        values = torch.from_numpy(self._target.query(pictures, owners))
        self._best.update(levels, values, owners)
        return values.view(count, batch), (levels.to(candidates) / 255).reshape(candidates.shape)

    def result(self) -> AttackResult:
        """Return the best pictures, and the best value of each call of `evaluate` as the trace."""
        return self._best.result()


def standard_normal(
    rngs: Sequence[torch.Generator], count: int, shape: torch.Size, like: Tensor
) -> Tensor:
    """Return standard normal numbers, (count, B, *shape); each picture has its own generator."""
    draws = [torch.randn((count, *shape), generator=rng, device=rng.device) for rng in rngs]
    return torch.stack(draws, 1).to(like)
