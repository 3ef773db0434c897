"""A search for bitstream collisions: another picture with the same bytes as the source picture.

The search begins far from the source picture: in a random direction, or at another picture. Adam
moves the picture until its latents are rounded like those of the source picture ("Bitstream
Collisions in Neural Image Compression via Adversarial Perturbations", arXiv 2503.19817). If that
fails, it begins again half as far away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from attacks.gradient.base import Steps
from attacks.objectives.targeted import PictureFile
from attacks.optim import Adam
from attacks.query.search import standard_normal
from bench.attack import AttackResult, Need, Target
from bench.budget import Budget
from bench.errors import Unsupported
from bench.images import reader
from bench.tensors import to_tensor

NO_COLLISION = "no-collision"
"""Flag: the search found no other picture with the same bytes."""

_BETWEEN_QUERIES = 5
"""Steps between two encodings of the pictures, which show whether their bytes are those wanted."""

Tries: TypeAlias = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class CollisionSearch:
    """Adam from afar until another picture has the value of the source picture.

    It is made for the objective `collision`, where only a picture with the bytes of the source
    picture has its value, 0. If none is found, the result is the picture with the highest value,
    that is the fewest differing bytes, with the flag `no-collision`.

    Args:
        towards: path of the picture at which the search begins, of the size of the source pictures;
            a random direction by default. The budget limits how far away it is.
        steps: number of steps of one try.
        tries: number of tries; each begins half as far away as the one before.
        lr: learning rate of Adam, for pictures in [0, 1].
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = ("linf", "l2", "mse")
    version: ClassVar[int] = 1

    towards: PictureFile | None = None
    steps: Steps = 150
    tries: Tries = 5
    lr: Annotated[float, Field(gt=0)] = 0.01

    def __post_init__(self) -> None:
        """Check before any search that the picture can be read."""
        _ = self._other

    @property
    def evaluations(self) -> int:
        """Per try the steps, a query before every fifth and at the end; three for both ends."""
        return 3 + self.tries * (self.steps + -(-self.steps // _BETWEEN_QUERIES) + 1)

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search for collisions with the source pictures, float (B, 3, H, W) in [0, 1]."""
        search = _Search(target, images, budget)
        far = self._far(images, budget, rngs)
        for number in range(self.tries):
            if search.is_over:
                break
            search.pull(images + (far - images) * 0.5**number, self.steps, self.lr)
        return search.result()

    @cached_property
    def _other(self) -> Tensor | None:
        return None if self.towards is None else to_tensor(reader.read(Path(self.towards)).image)

    def _far(self, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return pictures as far away as the budget allows."""
        if self._other is None:
            direction = standard_normal(rngs, 1, images.shape[1:], images)[0]
            return budget.project(images + budget.steepest(direction), images)
        if self._other.shape[1:] != images.shape[1:]:
            sizes = ("x".join(map(str, one.shape[2:])) for one in (self._other, images))
            raise Unsupported(
                "'towards' names a picture of {} pixels, the source picture has {}; crop one of"
                " them".format(*sizes)
            )
        return budget.project(self._other.to(images).expand_as(images), images)


class _Search:
    """The best other pictures so far: those with the value of the source, or the highest value."""

    def __init__(self, target: Target, source: Tensor, budget: Budget) -> None:
        self._target, self._source, self._budget = target, source, budget
        self._levels = (source * 255).round().byte()
        self._images = source.clone()
        self._values = np.full(len(source), -np.inf)
        self._goals = self._values_of(self._levels, range(len(source)))

    @property
    def is_over(self) -> bool:
        """Whether the search has found what it wants for every source picture."""
        return bool((self._values >= self._goals).all())

    def pull(self, start: Tensor, steps: int, lr: float) -> None:
        """Move pictures, float (B, 3, H, W), until they collide.

        The gradients are those at the nearest 8-bit pictures, which are the ones that count.
        """
        adam = Adam(start, lr)
        for step in range(steps):
            levels = self._budget.rounded(adam.images, self._source)
            if step % _BETWEEN_QUERIES == 0:
                self._query(levels)
            if self.is_over:
                return
            _, gradients = self._target.value_and_grad(levels.to(start) / 255)
            adam.step(gradients)
            adam.move(self._budget.project(adam.images, self._source))
        self._query(self._budget.rounded(adam.images, self._source))

    def result(self) -> AttackResult:
        """Return the best pictures, with the values of the source pictures and theirs as trace."""
        ends = (self._source, self._images)
        flags = tuple(() if found else (NO_COLLISION,) for found in self._values >= self._goals)
        return AttackResult(
            self._images, torch.stack([self._target.value(end) for end in ends]), flags
        )

    def _query(self, levels: Tensor) -> None:
        """Encode pictures that differ from their source pictures, where the search is not over."""
        is_other = (levels != self._levels).flatten(1).any(1).cpu().numpy()
        asked = np.flatnonzero(is_other & (self._values < self._goals)).tolist()
        if not asked:
            return
        for owner, value in zip(asked, self._values_of(levels[asked], asked), strict=True):
            if value > self._values[owner]:
                self._values[owner] = value
                self._images[owner] = levels[owner].to(self._images) / 255

    def _values_of(self, levels: Tensor, owners: Sequence[int]) -> npt.NDArray[np.float64]:
        pictures = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return self._target.query(pictures, owners)


@dataclass(frozen=True)
class BitstreamCollision:
    """Searches for another picture with the same bytes, with the objective that they need.

    Args:
        towards: path of the picture at which the search begins, see `CollisionSearch`.
        steps: number of steps of one try.
        tries: number of tries; each begins half as far away as the one before.
    """

    version: ClassVar[int] = 1

    towards: PictureFile | None = None
    steps: Steps = 150
    tries: Tries = 5

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the search as an item of a suite's `attacks`, whatever objectives it has."""
        del wanted, budgets
        towards = {} if self.towards is None else {"towards": self.towards}
        return [
            {
                "name": "collision-search",
                "label": f"bitstream-collision-{self.version}",
                **towards,
                "steps": self.steps,
                "tries": self.tries,
                "objectives": "collision",
                "transfer": "none",
            }
        ]
