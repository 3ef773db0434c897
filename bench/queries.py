"""A helper for attacks by queries: the best queried pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.attack import AttackResult
from bench.budget import Budget


class BestQueries:
    """The best queried picture inside a budget for each source picture.

    Args:
        source: the source pictures, float (B, 3, H, W) in [0, 1]. They are the best pictures until
            a candidate inside the budget has a value.
        budget: candidates outside it are ignored.

    Attributes:
        images: the best pictures, float (B, 3, H, W) in [0, 1]; 8-bit levels once updated.
        values: their values, float64 (B,); minus infinity before the first update.
    """

    def __init__(self, source: Tensor, budget: Budget) -> None:
        self._levels = (source * 255).round()
        self._budget = budget
        self._trace: list[Tensor] = []
        self.images = source.clone()
        self.values = torch.full((len(source),), -torch.inf, dtype=torch.float64)

    def update(self, levels: Tensor, values: Tensor, owners: Sequence[int]) -> None:
        """Keep each candidate that is better than the best so far.

        Args:
            levels: the candidates, uint8 (N, 3, H, W).
            values: their values, (N,); NaN is ignored.
            owners: the index of the source picture of each candidate, (N,).
        """
        found = torch.full_like(self.values, -torch.inf)
        for one, value, owner in zip(levels.split(1), values, owners, strict=True):
            if value > found[owner] and self._holds(one, owner):
                found[owner] = value
                self._keep(one, value, owner)
        self._trace.append(found)

    def result(self, flags: tuple[str, ...] = ()) -> AttackResult:
        """Return the best pictures; the trace has the best value of each call of `update`.

        Args:
            flags: the flags of every picture.
        """
        nothing = self.values.new_empty(0, len(self.values))
        trace = torch.stack(self._trace) if self._trace else nothing
        return AttackResult(self.images, trace, (flags,) * len(self.images))

    def _keep(self, levels: Tensor, value: Tensor, owner: int) -> None:
        if value > self.values[owner]:
            self.values[owner] = value
            self.images[owner] = levels[0].to(self.images) / 255

    def _holds(self, levels: Tensor, owner: int) -> bool:
        return self._budget.holds(levels, self._levels[owner : owner + 1])[0]
