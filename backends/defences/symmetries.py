"""Exactly invertible rearrangements: flips, rotations, colour orders and cyclic shifts.

They work on any tensor of shape (..., 3, H, W): 8-bit pictures and float batches.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.codec import Image
from bench.defence import Family, Layer


class Action(Layer):
    """A rearrangement of pixels and channels that changes no value."""

    @abstractmethod
    def forward(self, values: Tensor) -> Tensor:
        """Return the rearranged values, (..., 3, H, W)."""

    @abstractmethod
    def inverse(self, values: Tensor) -> Tensor:
        """Undo `forward`."""

    def before(self, image: Image) -> Image:
        return _rearranged(self.forward, image)

    def after(self, image: Image) -> Image:
        return _rearranged(self.inverse, image)

    def relaxed_before(self, images: Tensor) -> Tensor:
        return self.forward(images)

    def relaxed_after(self, images: Tensor) -> Tensor:
        return self.inverse(images)


@dataclass(frozen=True)
class Symmetry(Action):
    """One of the eight symmetries of a square: an optional reflection, then a rotation.

    Attributes:
        turns: number of anticlockwise rotations by 90 degrees.
        mirrored: whether left and right are exchanged first.
    """

    turns: int
    mirrored: bool

    @property
    def identity(self) -> str:
        return f"{'mirrored, ' if self.mirrored else ''}turned by {90 * self.turns} degrees"

    def forward(self, values: Tensor) -> Tensor:
        return torch.rot90(values.flip(-1) if self.mirrored else values, self.turns, (-2, -1))

    def inverse(self, values: Tensor) -> Tensor:
        turned = torch.rot90(values, -self.turns, (-2, -1))
        return turned.flip(-1) if self.mirrored else turned


@dataclass(frozen=True)
class Order(Action):
    """A permutation of the colour channels.

    Attributes:
        planes: the source channel of each channel; 2, 1, 0 exchanges red and blue.
    """

    planes: tuple[int, ...]

    @property
    def identity(self) -> str:
        return "colours " + "".join("rgb"[plane] for plane in self.planes)

    def forward(self, values: Tensor) -> Tensor:
        return values[..., list(self.planes), :, :]

    def inverse(self, values: Tensor) -> Tensor:
        return values[..., np.argsort(self.planes).tolist(), :, :]


@dataclass(frozen=True)
class Shift(Action):
    """A cyclic shift down and to the right.

    Attributes:
        rows: shift down, in pixels.
        columns: shift to the right, in pixels.
    """

    rows: int
    columns: int

    @property
    def identity(self) -> str:
        return f"rolled by {self.rows}, {self.columns}"

    def forward(self, values: Tensor) -> Tensor:
        return values.roll((self.rows, self.columns), (-2, -1))

    def inverse(self, values: Tensor) -> Tensor:
        return values.roll((-self.rows, -self.columns), (-2, -1))


@dataclass(frozen=True)
class Chain(Action):
    """A sequence of actions."""

    actions: tuple[Action, ...]

    @property
    def identity(self) -> str:
        return ", ".join(action.identity for action in self.actions)

    def forward(self, values: Tensor) -> Tensor:
        for action in self.actions:
            values = action.forward(values)
        return values

    def inverse(self, values: Tensor) -> Tensor:
        for action in reversed(self.actions):
            values = action.inverse(values)
        return values


_FLIPS = (Symmetry(0, False), Symmetry(0, True), Symmetry(2, True), Symmetry(2, False))
_TURNS = tuple(Symmetry(turns, False) for turns in range(4))
_SYMMETRIES = tuple(Symmetry(turns, mirrored) for mirrored in (False, True) for turns in range(4))
_ORDERS = tuple(Order(planes) for planes in itertools.permutations(range(3)))

FLIPS = Family("flips", 4, _FLIPS.__getitem__)
"""None, horizontal, vertical, both."""

TURNS = Family("turns", 4, _TURNS.__getitem__)
"""Rotations by 0, 90, 180 and 270 degrees."""

SYMMETRIES = Family("symmetries", 8, _SYMMETRIES.__getitem__)
"""The four rotations of the picture and of its mirror image."""

ORDERS = Family("colour orders", 6, _ORDERS.__getitem__)
"""All permutations of red, green and blue, in lexicographic order."""

REACH = 64
"""Shifts are smaller than this: the pixels per element of most codecs' deepest latents."""


def rolls(stride: int) -> Family:
    """Return the shifts by multiples of `stride` pixels, below `REACH` along both axes."""
    steps = -(-REACH // stride)
    name = f"rolls by {stride} below {REACH}"
    return Family(name, steps**2, lambda i: Shift(*(stride * step for step in divmod(i, steps))))


def everything() -> Family:
    """Return all combinations of a symmetry, a colour order and a shift."""
    shifts = rolls(1)

    def layer(index: int) -> Action:
        rest, shift = divmod(index, shifts.size)
        symmetry, order = divmod(rest, len(_ORDERS))
        roll = Shift(*divmod(shift, REACH))
        return Chain((_SYMMETRIES[symmetry], _ORDERS[order], roll))

    return Family("symmetries, colour orders, rolls", 8 * 6 * shifts.size, layer)


def _rearranged(action: Callable[[Tensor], Tensor], image: Image) -> Image:
    planes = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    rearranged: Image = np.ascontiguousarray(action(planes).permute(1, 2, 0).numpy())
    rearranged.setflags(write=False)
    return rearranged
