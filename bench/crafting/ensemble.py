"""Ensemble attacks: several codecs as one target, for better transfer to another codec.

Liu et al. (2017, https://arxiv.org/abs/1611.02770) add up the losses of their models. Here the
objective is averaged with equal weights in its own unit, so a codec with a larger objective weighs
more.
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
    """A target whose value is the mean of several targets' values of the same pictures.

    Args:
        members: targets of the same objective and source pictures, one for each codec.
    """

    queries = 0

    def __init__(self, members: Sequence[CodecTarget]) -> None:
        self._members = members

    @property
    def gradients(self) -> int:
        """Number of gradient evaluations, summed over all members."""
        return sum(member.gradients for member in self._members)

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean of the surrogates' values, (B,), and its gradient, (B, 3, H, W)."""
        values, gradients = zip(
            *(member.value_and_grad(images) for member in self._members), strict=True
        )
        return torch.stack(values).mean(0), torch.stack(gradients).mean(0)

    def value(self, images: Tensor) -> Tensor:
        """Return the mean of the surrogates' values, (B,)."""
        return torch.stack([member.value(images) for member in self._members]).mean(0)

    def around(self, source: Tensor) -> Ensemble:
        """Return the same ensemble with other source pictures, see `bench.attack.Target`."""
        return Ensemble([member.around(source) for member in self._members])

    def query(self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None) -> NoReturn:
        """Raise `Unsupported`."""
        del images, owners
        raise Unsupported("several codecs at once are attacked by gradients, not by queries")

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return the flags that any member raised for one picture; for all if None is given."""
        return tuple(dict.fromkeys(chain(*(member.flags(picture) for member in self._members))))
