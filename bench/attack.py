"""The interface of attacks and objectives.

An attack searches for pictures that maximise the value of a `Target`. The harness builds the target
from an objective and one or more codecs::

    objective, codecs --harness--> Target
    Target --attack--> AttackResult --harness--> 8-bit picture

The attack does not know what the target contains: one codec, an ensemble of codecs, or an average
over random draws. The harness rounds the result to 8 bits, enforces the budget, counts evaluations,
and scores the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import KW_ONLY, dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # the command line reads tables of attacks without torch
    import torch
    from torch import Tensor

    from bench.budget import Budget

Half: TypeAlias = Literal["reconstruction", "regenerated", "rate", "both", "latents", "time"]
"""The half of a codec that an objective needs. The harness does not run the other half.

"regenerated" is the reconstruction of the decoded picture, which is coded again. "latents" is the
encoder up to the rounding of its latents (`bench.codec.LatentCodec`). "time" is the encoder with
its clock; only queries have it.
"""

Need: TypeAlias = Literal["nothing", "gradient", "queries"]
"""What an attack needs from its target.

- "nothing": the attack does not use the target; its pictures are the same for every codec (noise).
- "gradient": the values and gradients of a differentiable surrogate (some attacks use the values
  only).
- "queries": the values of pictures that a codec encodes and decodes. Any codec can be queried.
"""


Part = TypeVar("Part")


@dataclass(frozen=True)
class View:
    """The tensors an objective can use. A field that the objective does not declare is None.

    Attributes:
        images: the candidate pictures, float (B, 3, H, W) in [0, 1].
        source: the source pictures, same shape.
        clean: the codec's reconstruction of `source`, same shape; set if `wants_clean` is true.
        reconstruction: the codec's reconstruction of `images`, same shape, not clipped.
        regenerated: the codec's reconstruction of `reconstruction` after clipping and rounding to
            8 bits, same shape; set for objectives that need "regenerated", which get no other part.
        bits: the bits of each latent stream of `images`, by name, each (B, ...).
        clean_bits: the bits of each latent stream of `source`; set if `wants_clean` is true.
        offsets: the latents of `images` less the coded latents of `source`, by stream, in rounding
            steps, each (B, ...); set by the surrogate for objectives that need "latents".
        differing: the number of bytes in which the bitstreams of `images` and `source` differ,
            (B,); set in queries for objectives that need "latents".
        seconds: the time to encode `images`, the fastest of three repetitions, (B,); set in queries
            for objectives that need "time". It is 0 where the encoder fails.
    """

    images: Tensor
    source: Tensor
    _: KW_ONLY
    clean: Tensor | None = None
    reconstruction: Tensor | None = None
    regenerated: Tensor | None = None
    bits: Mapping[str, Tensor] | None = None
    clean_bits: Mapping[str, Tensor] | None = None
    offsets: Mapping[str, Tensor] | None = None
    differing: Tensor | None = None
    seconds: Tensor | None = None


def given(part: Part | None) -> Part:
    """Return a field of a `View` after checking that it is set.

    Args:
        part: the field, for example `view.reconstruction`.

    Raises:
        ValueError: the field is None, because the objective does not declare that it needs it.
    """
    if part is None:
        raise ValueError("the target did not give what this objective says it needs")
    return part


class Objective(Protocol):
    """The quantity that the attacker maximises.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite. An
    objective can also have an integer `version`. Increase it when the formula changes: the version
    is part of the keys of searches.

    Attributes:
        needs: the half of the codec that the objective uses.
        wants_clean: whether it also uses the codec's output for the source picture.
    """

    @property
    def needs(self) -> Half: ...

    @property
    def wants_clean(self) -> bool: ...

    def __call__(self, view: View) -> Tensor:
        """Return one value per picture, float (B,). The attacker maximises it."""
        ...


class Target(Protocol):
    """The function of the pictures that an attack maximises: a codec and an objective."""

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values of the surrogate and their gradients.

        Args:
            images: float (B, 3, H, W) in [0, 1].

        Returns:
            The values (B,) and the gradients (B, 3, H, W).

        Raises:
            Unsupported: this target has no gradients.
        """
        ...

    def value(self, images: Tensor) -> Tensor:
        """Return only the values of the surrogate, (B,)."""
        ...

    def around(self, source: Tensor) -> Target:
        """Return the same codec and objective with other source pictures.

        Evaluations of the new target count as evaluations of this one.

        Args:
            source: float (B, 3, H, W) in [0, 1], any size.

        Raises:
            Unsupported: this target has no gradients.
        """
        ...

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Encode and decode pictures and return their values.

        If the codec fails on a picture, the value is that of mid-grey at 24 bits per pixel, which
        is also how the leaderboard scores a failure. If the codec does not support the picture
        (`Unsupported`), the value is minus infinity. Both count as queries.

        Args:
            images: uint8 (N, H, W, 3). Several candidates of one source picture are coded in
                parallel if the codec is `Concurrent`.
            owners: the index of the source picture of each candidate, (N,). By default candidate i
                belongs to source i.

        Returns:
            The values, float64 (N,).

        Raises:
            QueryBudgetExhaustedError: the query budget is exhausted. Do not catch it: the harness
                then keeps the best picture queried so far.
        """
        ...


@dataclass(frozen=True)
class AttackResult:
    """The result of a search.

    Attributes:
        images: the best pictures, float (B, 3, H, W) in [0, 1].
        trace: the value of the objective at each step, (steps, B); empty if the attack does not
            evaluate the target.
        flags: for each picture, the flags that the attack sets about its own search; B tuples, or
            an empty tuple.
    """

    images: Tensor
    trace: Tensor
    flags: tuple[tuple[str, ...], ...] = ()


class AttackEnsemble(Protocol):
    """Several attacks under one name. The leaderboard takes the worst case over its members.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite. The
    harness replaces an ensemble by its members when it reads a suite, so the manifest of a run
    lists the members.

    Attributes:
        version: increase it when the members change; it is part of their labels.
    """

    version: ClassVar[int]

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the members, each as an item of a suite's `attacks:` list.

        Args:
            wanted: names of the suite's objectives; members that pursue none of them are left out.
            budgets: kinds of the suite's budgets; members that support none of them are left out.
        """
        ...


@runtime_checkable
class WarmStarting(Protocol):
    """An attack that can also start from given pictures instead of random ones."""

    def from_pictures(
        self, target: Target, images: Tensor, budget: Budget, start: Tensor
    ) -> AttackResult:
        """Run the search once, from `start`, float (B, 3, H, W), near the budget.

        The other arguments and the result are those of `Attack.__call__`.
        """
        ...


@runtime_checkable
class Attack(Protocol):
    """A search for pictures inside a budget that maximise a target.

    Implementations are frozen dataclasses. Their fields are their parameters in a suite.

    Attributes:
        needs: what the attack needs from its target.
        budgets: the kinds of budget it supports ("linf", "l2", "ssim", ...). The harness records
            a search with another kind as unsupported.
        version: increase it when the same parameters and seed give another picture.
        evaluations: the largest number of gradients, values and queries per picture. The harness
            enforces it for queries.
    """

    needs: ClassVar[Need]
    budgets: ClassVar[tuple[str, ...]]
    version: ClassVar[int]

    @property
    def evaluations(self) -> int: ...

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Run the search.

        Args:
            target: the function to maximise.
            images: the source pictures, float (B, 3, H, W) in [0, 1].
            budget: the budget. The harness enforces it on the result.
            rngs: one random generator per picture, B in total; use no other source of randomness.
        """
        ...
