"""Targets of codecs that draw random numbers, or that code in several ways and keep the cheapest.

    compose_target(codec, ...) --> CodecTarget         one codec
                               --> ExpectedTarget      mean over draws, new at every call (EOT)
                               --> BranchingTarget     all ways, cheaper ones with more weight

They are composed of targets of single codecs; attacks do not know about them.

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
from bench.codec import Branching, Codec, Quantising, Randomised, Rounding
from bench.crafting.target import CodecTarget
from bench.wrapping import drawn

SHARPNESS = 10.0
"""A way that costs a tenth of the mean cost more than another one weighs e times less."""

_EPSILON = 1e-30
"""Lower limit of the mean cost, to avoid a division by zero."""


def compose_target(
    codec: Codec,
    objective: Objective,
    source: Tensor,
    draws: int,
    rng: np.random.Generator,
    rounding: Rounding = "straight-through",
) -> CodecTarget:
    """Return the target of an attack on one codec.

    Args:
        codec: the codec that is attacked, including its defences.
        objective: the objective of the attack.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        draws: number of draws per evaluation, for a codec that draws random numbers.
        rng: generator of the draws.
        rounding: the surrogate of quantisation.
    """
    if isinstance(codec, Randomised):
        return ExpectedTarget(codec, objective, source, draws, rng, rounding)
    if isinstance(codec, Branching):
        return BranchingTarget(codec, codec, objective, source, rounding)
    if rounding == "none" and isinstance(codec, Quantising):
        codec = codec.unrounded()
    return CodecTarget(codec, objective, source)


class _Composed(CodecTarget):
    """Several targets as one: a weighted mean of their values and gradients."""

    @abstractmethod
    def _parts(self) -> Sequence[CodecTarget]:
        """Return the targets of one evaluation."""

    @abstractmethod
    def _weights(self, images: Tensor) -> Tensor:
        """Return the weight of each part, (parts, B); the weights of a picture sum to 1."""

    def value(self, images: Tensor) -> Tensor:
        values = torch.stack([part.value(images) for part in self._parts()])
        return (self._weights(images) * values).sum(0)

    def raw_value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        parts, weights = self._parts(), self._weights(images)
        before = sum(part.gradients for part in parts)
        pairs = [part.raw_value_and_grad(images) for part in parts]
        self._gradients += sum(part.gradients for part in parts) - before
        values, gradients = (torch.stack(column) for column in zip(*pairs, strict=True))
        per_pixel = weights[..., None, None, None]
        return (weights * values).sum(0), (per_pixel * gradients).sum(0)


class ExpectedTarget(_Composed):
    """The mean over draws of a codec, new at every evaluation; a query uses one draw."""

    def __init__(
        self,
        codec: Codec,
        objective: Objective,
        source: Tensor,
        draws: int,
        rng: np.random.Generator,
        rounding: Rounding,
    ) -> None:
        super().__init__(codec, objective, source)
        self._draws, self._rng, self._rounding = draws, rng, rounding

    @property
    def _real_codec(self) -> Codec:
        return drawn(super()._real_codec, self._rng)

    def _with_source(self, source: Tensor) -> CodecTarget:
        return ExpectedTarget(
            super()._real_codec, self._objective, source, self._draws, self._rng, self._rounding
        )

    def _parts(self) -> Sequence[CodecTarget]:
        codecs = [self._real_codec for _ in range(self._draws)]
        return [
            compose_target(codec, self._objective, self._source, 1, self._rng, self._rounding)
            for codec in codecs
        ]

    def _weights(self, images: Tensor) -> Tensor:
        return images.new_full((self._draws, len(images)), 1 / self._draws)


class BranchingTarget(_Composed):
    """All ways of a codec that keeps the cheapest one; a query is answered by the codec itself.

    An attack on the cheapest way alone would raise its cost, and the codec would then keep another
    way. The weights fall with the cost, so all ways are attacked as long as they matter.
    """

    def __init__(
        self,
        codec: Codec,
        ways: Branching,
        objective: Objective,
        source: Tensor,
        rounding: Rounding,
    ) -> None:
        super().__init__(codec, objective, source)
        self._ways, self._rounding = ways, rounding
        rng = np.random.default_rng(0)  # unused: the ways of a drawn codec draw nothing
        self._targets = [
            compose_target(way, objective, source, 1, rng, rounding) for way in ways.paths()
        ]

    def _with_source(self, source: Tensor) -> CodecTarget:
        return BranchingTarget(
            self._real_codec, self._ways, self._objective, source, self._rounding
        )

    def _parts(self) -> Sequence[CodecTarget]:
        return self._targets

    def _weights(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            costs = self._ways.costs(images)
        return torch.softmax(-SHARPNESS * costs / costs.mean(0).clamp_min(_EPSILON), 0)
