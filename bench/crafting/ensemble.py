"""Several codecs as one target: pictures that harm all of them are likelier to harm another one.

After Liu et al. (2017, arXiv 1611.02770), who add up the losses of their models. Here the objective
is averaged with equal weights, in its own unit: a codec on which it is larger weighs more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.crafting.target import CodecTarget
from bench.errors import Unsupported


class Ensemble:
    """A target whose value is the mean of what several targets say of the same pictures.

    Args:
        members: one objective on each of the codecs, around the same source pictures.
    """

    queries = 0

    def __init__(self, members: Sequence[CodecTarget]) -> None:
        self._members = members

    @property
    def gradients(self) -> int:
        """How many gradients were computed, those of all members together."""
        return sum(member.gradients for member in self._members)

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean of the surrogates' values (B,), and its gradient."""
        values, gradients = zip(
            *(member.value_and_grad(images) for member in self._members), strict=True
        )
        return torch.stack(values).mean(0), torch.stack(gradients).mean(0)

    def value(self, images: Tensor) -> Tensor:
        """Return the mean of the surrogates' values (B,)."""
        return torch.stack([member.value(images) for member in self._members]).mean(0)

    def around(self, source: Tensor) -> Ensemble:
        """Return the same targets with other source pictures, see `bench.attack.Target`."""
        return Ensemble([member.around(source) for member in self._members])

    def query(self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None) -> NoReturn:
        """Refuse."""
        del images, owners
        raise Unsupported("several codecs at once are attacked by gradients, not by queries")

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return what any of the members noticed of one picture, or of any."""
        return tuple(dict.fromkeys(chain(*(member.flags(picture) for member in self._members))))
