"""What every black-box search here shares: 8-bit queries inside the budget, and the best of them.

    probe = Probe(target, source, budget)
    values, seen = probe.evaluate(candidates)     again and again
    return probe.result()                    the best pictures of all, as they were queried

What is asked about is what could be handed in: each candidate is brought into the budget and
rounded first, and what really was asked about comes back with its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from bench.attack import AttackResult, Target
from bench.budget import Budget
from bench.queries import BestQueries

Queries: TypeAlias = Annotated[int, Field(ge=1)]
"""How many pictures may be really coded, of each source picture."""


class QuerySearch:
    """A target that is queried, and the best pictures inside a budget that it was shown.

    Args:
        target: what is to be made large.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: inside which candidates are brought.
    """

    def __init__(self, target: Target, source: Tensor, budget: Budget) -> None:
        self._target = target
        self._best = BestQueries(source, budget)
        self.source = source
        self.budget = budget

    @property
    def images(self) -> Tensor:
        """The best pictures so far, float (B, 3, H, W); the source where nothing has a value."""
        return self._best.images

    @property
    def values(self) -> Tensor:
        """Their values, (B,)."""
        return self._best.values

    def evaluate(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Query as many candidates of each source picture, all at once.

        Args:
            candidates: float (N, B, 3, H, W).

        Returns:
            Their values (N, B), and the pictures that were queried, of the candidates' shape.
        """
        count, batch = candidates.shape[:2]
        sources = self.source.repeat(count, 1, 1, 1)
        levels = self.budget.rounded(candidates.flatten(0, 1), sources)
        owners = list(range(batch)) * count
        asked = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        values = torch.from_numpy(self._target.query(asked, owners))
        self._best.update(levels, values, owners)
        return values.view(count, batch), (levels.to(candidates) / 255).reshape(candidates.shape)

    def result(self) -> AttackResult:
        """Return the best pictures, and the best value of each question."""
        return self._best.result()


def randomly(
    rngs: Sequence[torch.Generator], count: int, shape: torch.Size, like: Tensor
) -> Tensor:
    """Return standard normal numbers (count, B, *shape), those of a picture by its generator."""
    drawn = [torch.randn((count, *shape), generator=rng, device=rng.device) for rng in rngs]
    return torch.stack(drawn, 1).to(like)
