"""The target of attacks that need none, such as noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.errors import Unsupported


class NoTarget:
    """The target of attacks that need none, such as noise."""

    gradients = 0
    queries = 0

    def value_and_grad(self, images: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        del images
        raise Unsupported("this attack said it needs nothing, and has no target")

    def value(self, images: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        self.value_and_grad(images)

    def around(self, source: Tensor) -> NoReturn:
        """Raise `Unsupported`."""
        self.value_and_grad(source)

    def query(self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None) -> NoReturn:
        """Raise `Unsupported`."""
        del owners
        self.value_and_grad(torch.from_numpy(images))

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return no flags."""
        del picture
        return ()
