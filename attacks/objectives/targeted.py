"""A given picture that the attacked one is to be decoded to, whole or in one place."""

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
from bench.images import reader as reading
from bench.images.image_set import pixel_hash
from bench.tensors import to_tensor


def _content(path: str) -> str:
    return pixel_hash(reading.read(Path(path)).image)


PictureFile: TypeAlias = Annotated[str, PlainSerializer(_content, when_used="json")]
"""The path of a picture; in a job's key stands the hash of its pixels, wherever it lies."""


@dataclass(frozen=True)
class Targeted:
    """Minus the mean squared error, on [0, 1], between the reconstruction and what it should be.

    That is a given picture, and the clean reconstruction C(x) around it: a number plate with other
    digits in a scene that is as it was. A picture of the size of the source ones leaves nothing
    around it.

    Args:
        picture: path of a picture file, from the working directory; not scaled.
        top: where its first row lies, in pixels.
        left: where its first column lies.
        around: weight of the errors around it, of which 1 is that of the errors in it.
    """

    needs: ClassVar[Half] = "reconstruction"
    wants_clean: ClassVar[bool] = True

    picture: PictureFile
    top: Annotated[int, Field(ge=0)] = 0
    left: Annotated[int, Field(ge=0)] = 0
    around: Annotated[float, Field(ge=0)] = 1.0

    def __post_init__(self) -> None:
        """See that the picture can be read, before anything is searched."""
        _ = self._shown

    def __call__(self, view: View) -> Tensor:
        """Return minus the error of each picture, (B,).

        Raises:
            Unsupported: the given picture does not lie inside the attacked ones.
        """
        wanted = given(view.clean).clamp(0, 1).clone()
        weights = wanted.new_full(wanted.shape[-2:], self.around)
        wanted[self._place(view)] = self._shown.to(wanted)
        weights[self._place(view)[1:]] = 1
        errors = (_clipped(given(view.reconstruction)) - wanted).square() * weights
        error: Tensor = errors.flatten(1).mean(1)
        return -error

    @cached_property
    def _shown(self) -> Tensor:
        return to_tensor(reading.read(Path(self.picture)).image)

    def _place(self, view: View) -> tuple[EllipsisType, slice, slice]:
        """Return the index of the rectangle that the given picture takes."""
        height, width = self._shown.shape[-2:]
        bottom, right = self.top + height, self.left + width
        rows, columns = view.images.shape[-2:]
        if bottom > rows or right > columns:
            raise Unsupported(
                f"the picture to be decoded to reaches to row {bottom} and column {right}, this"
                f" picture has {rows} and {columns}"
            )
        return ..., slice(self.top, bottom), slice(self.left, right)


def _clipped(images: Tensor) -> Tensor:
    """Clip as decoders clip, and let gradients through: what is too bright is led back."""
    return images + (images.clamp(0, 1) - images).detach()
