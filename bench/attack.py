"""The second seam: what an attack sees, what it returns, and what an attacker may want.

    objective + codec(s) --harness--> Target --attack--> AttackResult --harness--> 8-bit picture

An attack proposes: it is handed a `Target` and never learns what stands behind it (one codec, an
ensemble, an average over random draws). The harness disposes: it alone rounds, checks the budget,
counts and scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
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

Half: TypeAlias = Literal["reconstruction", "rate", "both"]
"""Which path of a codec an objective needs; the other one is never run."""

Need: TypeAlias = Literal["nothing", "gradient", "queries"]
"""What an attack asks of its target; one that needs nothing is the same for every codec.

"gradient" is the differentiable surrogate, of which some attacks take the values alone; "queries"
are pictures that are really coded, of any codec.
"""


Part = TypeVar("Part")


@dataclass(frozen=True)
class View:
    """What an objective may look at; what it did not ask for is None.

    Attributes:
        images: the pictures the codec was given, float (B, 3, H, W) in [0, 1].
        source: the pictures they were made from, same shape.
        clean: the codec's reconstruction of `source`, for objectives that want it.
        reconstruction: the codec's reconstruction of `images`.
        bits: the bits of each stream, (B, ...).
        clean_bits: those of `source`, for objectives that want what is clean.
    """

    images: Tensor
    source: Tensor
    clean: Tensor | None = None
    reconstruction: Tensor | None = None
    bits: Mapping[str, Tensor] | None = None
    clean_bits: Mapping[str, Tensor] | None = None


def given(part: Part | None) -> Part:
    """Return a part of a view that the objective asked for.

    Raises:
        ValueError: it did not ask for it.
    """
    if part is None:
        raise ValueError("the target did not give what this objective says it needs")
    return part


class Objective(Protocol):
    """What the attacker wants to be large.

    Attributes:
        needs: the half of the codec it looks at.
        wants_clean: whether it compares with what the source picture itself gives.

    One whose formula may change has a `version` as well, raised with every change: it is then a
    part of the keys of searches.
    """

    @property
    def needs(self) -> Half: ...

    @property
    def wants_clean(self) -> bool: ...

    def __call__(self, view: View) -> Tensor:
        """Return one value a picture, (B,)."""
        ...


class Target(Protocol):
    """Codec and objective as an attack sees them: a function of the pictures to be made large."""

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the surrogate's values (B,) and their gradient, of the shape of `images`.

        Raises:
            Unsupported: nothing behind this target offers gradients.
        """
        ...

    def value(self, images: Tensor) -> Tensor:
        """Return the surrogate's values (B,) alone."""
        ...

    def around(self, source: Tensor) -> Target:
        """Return the same objective on the same codec, with other source pictures.

        What is asked of it counts as asked of this one.

        Args:
            source: float (B, 3, H, W) in [0, 1], of any size.

        Raises:
            Unsupported: this target answers queries alone, or nothing.
        """
        ...

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of really encoded and decoded pictures.

        Where the codec fails on a picture, the value is that of mid-grey at 24 bits per pixel, as
        which a failure is scored: to an attacker it is a find like any other. A picture that the
        codec does not offer to code (`Unsupported`) has no value, minus infinity. Both are queries.

        Args:
            images: uint8 (N, H, W, 3); several of one source picture are coded at once where the
                codec can do that.
            owners: to which source picture each belongs, (N,); by itself, picture i to source i.

        Returns:
            (N,).

        Raises:
            QueriesSpent: the attack has asked for more queries than it declares.
        """
        ...


@dataclass(frozen=True)
class AttackResult:
    """What a search found.

    Attributes:
        images: the best pictures found, float (B, 3, H, W) in [0, 1].
        trace: the objective along the search, (steps, B); empty for attacks that never look.
        flags: what the attack itself noticed of each picture and a reader of its score should
            know, B tuples; empty if nothing.
    """

    images: Tensor
    trace: Tensor
    flags: tuple[tuple[str, ...], ...] = ()


class AttackEnsemble(Protocol):
    """Several attacks under one name; of their pictures the one that hurts most counts.

    Implementations are frozen dataclasses whose fields are their parameters in a suite. An ensemble
    is taken apart when a suite is read, so that the manifest of a run lists its members.

    Attributes:
        version: raised whenever the members change; a part of their labels.
    """

    version: ClassVar[int]

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return its members as a suite's list of attacks has them.

        Args:
            wanted: names of the suite's objectives; members that want nothing of it are left out.
            budgets: kinds of the suite's budgets, likewise.
        """
        ...


@runtime_checkable
class Attack(Protocol):
    """A search for the pictures inside a budget at which a target is largest.

    Implementations are frozen dataclasses whose fields are their parameters in a suite.

    Attributes:
        needs: what it asks of its target.
        budgets: the kinds of budget it supports ("linf", "l2", "mse", "ssim"); a search in another
            one is recorded as unsupported.
        version: raised whenever the same parameters and seed would give another picture.
        evaluations: how many gradients, values and queries it asks for at most, a picture; of
            queries it gets no more.
    """

    needs: ClassVar[Need]
    budgets: ClassVar[tuple[str, ...]]
    version: ClassVar[int]

    @property
    def evaluations(self) -> int: ...

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search.

        Args:
            target: what to make large.
            images: the source pictures, float (B, 3, H, W) in [0, 1].
            budget: what may be changed.
            rngs: one generator a picture; the only randomness allowed.
        """
        ...
