"""What a black-box attack sees: really coded pictures, so many of each source, and nothing else.

    attack --8-bit pictures--> Oracle --while there are queries left--> CodecTarget --> values

How many there are is what the attack itself declares; that it keeps to it is not left to it. A call
that asks for more is refused before anything is coded and ends the search, which then has found
the best picture inside its budget that was queried until then.
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
"""The attack asked for more queries than it declares and was ended."""


class QueriesSpent(BenchError):
    """An attack asked for more queries than it declares; it may end, or let this pass.

    Attributes:
        found: what its search comes to.
    """

    def __init__(self, allowed: int, found: AttackResult) -> None:
        super().__init__(f"the {allowed} queries a picture that this attack declares are spent")
        self.found = found


class Oracle:
    """A target that answers queries alone, and of each source picture only so many.

    Args:
        target: what answers.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: that of the search.
        allowed: queries of each source picture.
    """

    gradients = 0

    def __init__(self, target: CodecTarget, source: Tensor, budget: Budget, allowed: int) -> None:
        self._target = target
        self._best = BestQueries(source, budget)
        self._asked = np.zeros(len(source), dtype=np.int64)
        self._allowed = allowed

    @property
    def queries(self) -> int:
        """How many pictures were really encoded."""
        return self._target.queries

    def value_and_grad(self, images: Tensor) -> NoReturn:
        """Refuse."""
        del images
        raise Unsupported("this attack said that it needs queries, and has nothing else")

    def value(self, images: Tensor) -> NoReturn:
        """Refuse."""
        self.value_and_grad(images)

    def around(self, source: Tensor) -> NoReturn:
        """Refuse."""
        self.value_and_grad(source)

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of really coded pictures, see `bench.attack.Target`.

        Raises:
            QueriesSpent: there are not so many left; nothing was coded.
        """
        owners = range(len(images)) if owners is None else owners
        asked = self._asked + np.bincount(owners, minlength=len(self._asked))
        if (asked > self._allowed).any():
            raise QueriesSpent(self._allowed, self._best.result((QUERIES_SPENT,)))
        self._asked = asked
        values = self._target.query(images, owners)
        levels = torch.from_numpy(images.copy()).permute(0, 3, 1, 2)
        self._best.update(levels, torch.from_numpy(values), owners)
        return values

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return nothing: flags are of gradients."""
        del picture
        return ()
