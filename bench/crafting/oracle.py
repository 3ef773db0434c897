"""The target of a black-box attack: queries of really coded pictures, up to a query budget.

    attack --8-bit pictures--> Oracle --while queries are left--> CodecTarget --> values

The attack declares its query budget, and the harness enforces it here. A call that would exceed it
raises before anything is coded and ends the search. The result is then the best picture inside the
budget of the perturbation among those queried so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import AttackResult
from bench.budget import Budget
from bench.crafting.target import CodecTarget
from bench.errors import BenchError, Unsupported
from bench.queries import BestQueries

QUERIES_SPENT = "queries-spent"
"""Flag: the attack asked for more queries than it declares and was ended."""


class QueryBudgetExhaustedError(BenchError):
    """An attack asked for more queries than it declares; it need not catch this.

    Attributes:
        result: the result of the search: the best pictures that were queried.
    """

    def __init__(self, allowed: int, result: AttackResult) -> None:
        super().__init__(f"the query budget of this attack is exhausted: {allowed} per picture")
        self.result = result


class Oracle:
    """A target that offers only queries, up to a fixed number per source picture.

    Args:
        target: the target that answers.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        budget: limit of the perturbation.
        allowed: number of queries per source picture.
    """

    gradients = 0

    def __init__(self, target: CodecTarget, source: Tensor, budget: Budget, allowed: int) -> None:
        self._target = target
        self._best = BestQueries(source, budget)
        self._asked = np.zeros(len(source), dtype=np.int64)
        self._allowed = allowed

    @property
    def queries(self) -> int:
        """Number of pictures that were really encoded."""
        return self._target.queries

    def value_and_grad(self, images: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        del images
        raise Unsupported("this attack said that it needs queries, and has nothing else")

    def value(self, images: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        self.value_and_grad(images)

    def around(self, source: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        self.value_and_grad(source)

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of really coded pictures, see `bench.attack.Target`.

        Raises:
            QueryBudgetExhaustedError: not enough queries are left; nothing was coded.
        """
        owners = range(len(images)) if owners is None else owners
        asked = self._asked + np.bincount(owners, minlength=len(self._asked))
        if (asked > self._allowed).any():
            raise QueryBudgetExhaustedError(self._allowed, self._best.result((QUERIES_SPENT,)))
        self._asked = asked
        values = self._target.query(images, owners)
        levels = torch.from_numpy(images.copy()).permute(0, 3, 1, 2)
        self._best.update(levels, torch.from_numpy(values), owners)
        return values

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return no flags; all flags are about gradients."""
        del picture
        return ()
