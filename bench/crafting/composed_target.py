"""A target where more than one codec stands behind it: random draws, or ways of which one is kept.

    aim(codec, ...) --> CodecTarget         one codec
                    --> ExpectedTarget      the mean over draws, new ones at every look (EOT)
                    --> BranchingTarget     every way, the more it counts the less it costs

They are composed of the targets of single codecs, and no attack knows about them.

    EOT: Athalye et al., Synthesizing robust adversarial examples, https://arxiv.org/abs/1707.07397
    Attacks on defences: Tramèr et al., On adaptive attacks, https://arxiv.org/abs/2002.08347
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench.attack import Objective
from bench.codec import Branching, Codec, Randomised
from bench.crafting.target import CodecTarget
from bench.wrapping import drawn

SHARPNESS = 10.0
"""A way that costs a tenth of the mean more than another one counts e times less."""

_NOTHING = 1e-30
"""Takes the place of a mean cost of 0, so that nothing is divided by it."""


def compose_target(
    codec: Codec, objective: Objective, source: Tensor, draws: int, rng: np.random.Generator
) -> CodecTarget:
    """Return the target that an attack on a codec sees.

    Args:
        codec: what is attacked, with all it is behind.
        objective: what the attack wants.
        source: the source pictures, float (B, 3, H, W).
        draws: how many draws of a codec that draws are looked at together.
        rng: what they are drawn with.
    """
    if isinstance(codec, Randomised):
        return ExpectedTarget(codec, objective, source, draws, rng)
    if isinstance(codec, Branching):
        return BranchingTarget(codec, codec, objective, source)
    return CodecTarget(codec, objective, source)


class _Composed(CodecTarget):
    """Several targets as one: a weighted mean of what they say."""

    @abstractmethod
    def _parts(self) -> Sequence[CodecTarget]:
        """Return the targets of one look."""

    @abstractmethod
    def _weights(self, images: Tensor) -> Tensor:
        """Return how much each of them counts, (parts, B), adding up to 1."""

    def value(self, images: Tensor) -> Tensor:
        values = torch.stack([part.value(images) for part in self._parts()])
        return (self._weights(images) * values).sum(0)

    def followed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        parts, weights = self._parts(), self._weights(images)
        known = sum(part.gradients for part in parts)
        pairs = [part.followed(images) for part in parts]
        self._gradients += sum(part.gradients for part in parts) - known
        values, gradients = (torch.stack(column) for column in zip(*pairs, strict=True))
        wide = weights[..., None, None, None]
        return (weights * values).sum(0), (wide * gradients).sum(0)


class ExpectedTarget(_Composed):
    """The mean over draws of a codec that draws, new ones at every look; a query is of one draw."""

    def __init__(
        self,
        codec: Codec,
        objective: Objective,
        source: Tensor,
        draws: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(codec, objective, source)
        self._draws, self._rng = draws, rng

    @property
    def _coding(self) -> Codec:
        return drawn(super()._coding, self._rng)

    def _moved_to(self, source: Tensor) -> CodecTarget:
        return ExpectedTarget(super()._coding, self._objective, source, self._draws, self._rng)

    def _parts(self) -> Sequence[CodecTarget]:
        codecs = [self._coding for _ in range(self._draws)]
        return [
            compose_target(codec, self._objective, self._source, 1, self._rng) for codec in codecs
        ]

    def _weights(self, images: Tensor) -> Tensor:
        return images.new_full((self._draws, len(images)), 1 / self._draws)


class BranchingTarget(_Composed):
    """Every way of a codec that keeps the cheapest; a query is of the one that is kept.

    A search on the way that costs least at one look would make it dear and another one be kept at
    the next. Weighted by what they cost, all of them are attacked, and none longer than it matters.
    """

    def __init__(self, codec: Codec, ways: Branching, objective: Objective, source: Tensor) -> None:
        super().__init__(codec, objective, source)
        self._ways = ways
        rng = np.random.default_rng(0)  # ways draw nothing once the codec around them is drawn
        self._targets = [compose_target(way, objective, source, 1, rng) for way in ways.paths()]

    def _moved_to(self, source: Tensor) -> CodecTarget:
        return BranchingTarget(self._coding, self._ways, self._objective, source)

    def _parts(self) -> Sequence[CodecTarget]:
        return self._targets

    def _weights(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            costs = self._ways.costs(images)
        return torch.softmax(-SHARPNESS * costs / costs.mean(0).clamp_min(_NOTHING), 0)
