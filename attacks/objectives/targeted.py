"""Targeted attacks: the reconstruction shall show a target picture, as a whole or in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import EllipsisType
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, PlainSerializer
from torch import Tensor

from bench.attack import Half, View, given
from bench.errors import Unsupported
from bench.images import reader
from bench.images.image_set import pixel_hash
from bench.tensors import to_tensor


def _hash(path: str) -> str:
    return pixel_hash(reader.read(Path(path)).image)


PictureFile: TypeAlias = Annotated[str, PlainSerializer(_hash, when_used="json")]
"""The path of a picture; job keys contain the hash of its pixels, not the path."""


@dataclass(frozen=True)
class Targeted:
    """Minus the mean squared error, for values in [0, 1], between reconstruction and target.

    The target is a picture surrounded by the clean reconstruction C(x): for example, a number plate
    with other digits in an unchanged scene. A picture of the size of the source picture replaces it
    completely.

    Args:
        picture: path of a picture file, relative to the working directory; it is not scaled.
        top: row of the source picture at which it starts, in pixels.
        left: column of the source picture at which it starts, in pixels.
        around: weight of the errors outside the picture, relative to those inside.

    Raises:
        ImageError: the picture cannot be read.
    """

    needs: ClassVar[Half] = "reconstruction"
    wants_clean: ClassVar[bool] = True

    picture: PictureFile
    top: Annotated[int, Field(ge=0)] = 0
    left: Annotated[int, Field(ge=0)] = 0
    around: Annotated[float, Field(ge=0)] = 1.0

    def __post_init__(self) -> None:
        """Check before any search that the picture can be read."""
        _ = self._patch

    def __call__(self, view: View) -> Tensor:
        """Return minus the error of each picture, (B,).

        Raises:
            Unsupported: the target picture does not fit into the source picture.
        """
        target = given(view.clean).clamp(0, 1).clone()
        weights = target.new_full(target.shape[-2:], self.around)
        target[self._index(view)] = self._patch.to(target)
        weights[self._index(view)[1:]] = 1
        errors = (_clipped(given(view.reconstruction)) - target).square() * weights
        error: Tensor = errors.flatten(1).mean(1)
        return -error

    @cached_property
    def _patch(self) -> Tensor:
        return to_tensor(reader.read(Path(self.picture)).image)

    def _index(self, view: View) -> tuple[EllipsisType, slice, slice]:
        """Return the index of the target picture's rectangle in (B, 3, H, W)."""
        height, width = self._patch.shape[-2:]
        bottom, right = self.top + height, self.left + width
        rows, columns = view.images.shape[-2:]
        if bottom > rows or right > columns:
            raise Unsupported(
                f"the target picture ends at row {bottom} and column {right}, but the source"
                f" picture has {rows} rows and {columns} columns; change 'top' and 'left', or use a"
                " smaller picture"
            )
        return ..., slice(self.top, bottom), slice(self.left, right)


def _clipped(images: Tensor) -> Tensor:
    """Clip to [0, 1] like a decoder, with the identity as gradient, also outside the range."""
    return images + (images.clamp(0, 1) - images).detach()
