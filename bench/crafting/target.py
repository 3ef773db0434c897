"""What stands behind the `Target` that an attack sees: one codec, one objective, counters.

The harness counts gradient evaluations and queries here, and notices a gradient that is zero or
not a number: an attack that never moved is not evidence of robustness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import Objective, View
from bench.codec import Codec, Concurrent, Differentiable, Image
from bench.errors import PLUGIN_ERRORS, CodecError, Unsupported, raise_if_machine
from bench.tensors import to_image, to_tensor

ZERO_GRADIENT = "zero-gradient"
NAN_GRADIENT = "nan-gradient"

_FAILED_LEVEL, _FAILED_BPP = 128, 24.0
"""What a failure to code a picture stands for: mid-grey, at so many bits per pixel."""


class CodecTarget:
    """One objective on one codec, around one batch of source pictures.

    Attributes:
        queries: how many pictures were really encoded for an attack; not the source pictures, for
            objectives that compare with what is clean.
    """

    def __init__(self, codec: Codec | Differentiable, objective: Objective, source: Tensor) -> None:
        self._codec = codec
        self._objective = objective
        self._source = source
        self._moved = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        self._finite = ~self._moved
        self._gradients = 0
        self._others: list[CodecTarget] = []
        self.queries = 0

    @property
    def gradients(self) -> int:
        """How many gradients of a codec were computed, around other source pictures too."""
        return self._gradients + sum(other.gradients for other in self._others)

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the surrogate's values (B,) and their gradient; what is not finite is zeroed."""
        values, gradient = self.followed(images)
        return values, self._checked(gradient)

    def followed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and gradient as they come, numbers or not."""
        images = images.detach().requires_grad_(True)
        values = self._objective(self._view(images))
        gradient = _gradient(values, images)
        self._gradients += 1
        return values.detach(), gradient

    def value(self, images: Tensor) -> Tensor:
        """Return the surrogate's values (B,)."""
        with torch.no_grad():
            return self._objective(self._view(images))

    def around(self, source: Tensor) -> CodecTarget:
        """Return the same target with other source pictures, see `bench.attack.Target`."""
        self._others.append(self._moved_to(source))
        return self._others[-1]

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of really coded pictures, see `bench.attack.Target`."""
        owners = range(len(images)) if owners is None else owners
        self.queries += len(images)
        coded = self._attempted(list(images))
        return np.array([self._worth(*one) for one in zip(images, coded, owners, strict=True)])

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return what every score that comes of this search must carry beside it.

        Args:
            picture: of the batch, from 0; what was noticed of any of them if none is named. What
                was noticed around other source pictures is told of every one.
        """
        others = chain(*(other.flags() for other in self._others))
        return tuple(dict.fromkeys(chain(self._own_flags(picture), others)))

    def _own_flags(self, picture: int | None) -> tuple[str, ...]:
        if self._gradients == 0:
            return ()
        asked = slice(None) if picture is None else picture
        zero = () if bool(self._moved[asked].all()) else (ZERO_GRADIENT,)
        return zero if bool(self._finite[asked].all()) else (*zero, NAN_GRADIENT)

    def _moved_to(self, source: Tensor) -> CodecTarget:
        return CodecTarget(self._codec, self._objective, source)

    def _checked(self, gradient: Tensor) -> Tensor:
        self._finite &= gradient.isfinite().flatten(1).all(1)
        gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
        self._moved |= gradient.flatten(1).any(1)
        return gradient

    def _view(self, images: Tensor) -> View:
        return _viewed(images, self._source, self._coded(images), self._clean)

    def _coded(self, images: Tensor) -> _Halves:
        """Return what the surrogate makes of pictures, only the half that is needed."""
        codec = self._codec
        if not isinstance(codec, Differentiable):
            raise Unsupported("this codec offers no gradients; attack it by transfer or queries")
        if self._objective.needs == "rate":
            return _Halves(bits=codec.rate(images))
        if self._objective.needs == "reconstruction":
            return _Halves(codec.reconstruct(images))
        both = codec.relaxed(images)
        return _Halves(both.reconstruction, both.bits)

    @property
    def _coding(self) -> Codec:
        if not isinstance(self._codec, Codec):
            raise Unsupported("this target codes nothing; attack it by gradients")
        return self._codec

    @cached_property
    def _clean(self) -> _Halves:
        """What the surrogate makes of the source pictures, for objectives that want it."""
        if not self._objective.wants_clean:
            return _Halves()
        with torch.no_grad():
            return self._coded(self._source)

    def _really_coded(self, codec: Codec, image: Image) -> _Halves:
        """Return what really becomes of a picture; it is not decoded if nobody looks at it."""
        bitstream = codec.encode(image)
        bits = {"bitstream": torch.tensor([[8.0 * len(bitstream)]])}
        if self._objective.needs == "rate":
            return _Halves(bits=bits)
        decoded = codec.decode(bitstream)
        if decoded.shape != image.shape:
            raise CodecError(f"decoded to {decoded.shape}, not {image.shape}")
        return _Halves(to_tensor(decoded), bits)

    def _attempted(self, images: Sequence[Image]) -> list[_Halves | None]:
        """Code pictures, in as many threads as torch has where the codecs gain by that."""
        codecs = [self._coding for _ in images]  # of one that draws, another draw for each picture
        if not all(isinstance(codec, Concurrent) for codec in codecs):
            return list(map(self._attempt, codecs, images))
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            return list(threads.map(self._attempt, codecs, images))

    def _attempt(self, codec: Codec, image: Image) -> _Halves | None:
        """Return what really becomes of a picture; None where the codec does not offer it."""
        try:
            return self._really_coded(codec, image)
        except Unsupported:
            return None
        except PLUGIN_ERRORS as error:  # what breaks inside a codec is its failure
            raise_if_machine(error)
            return _failure(image)

    @cached_property
    def _really_clean(self) -> list[_Halves]:
        """What really becomes of each source picture, for objectives that want it."""
        if not self._objective.wants_clean:
            return [_Halves()] * len(self._source)
        images = map(to_image, self._source.split(1))
        return [self._really_coded(self._coding, image) for image in images]

    def _worth(self, image: Image, coded: _Halves | None, owner: int) -> float:
        if coded is None:
            return -np.inf
        source, clean = self._source[owner : owner + 1].cpu(), self._really_clean[owner]
        return float(self._objective(_viewed(to_tensor(image), source, coded, clean)))


def _gradient(values: Tensor, images: Tensor) -> Tensor:
    """Return the gradient of the sum of values; zeros where they do not hang on the pictures."""
    if not values.requires_grad:
        return torch.zeros_like(images)
    (gradient,) = torch.autograd.grad(
        values.sum(), images, allow_unused=True, materialize_grads=True
    )
    return gradient


@dataclass(frozen=True)
class _Halves:
    """What a codec makes of a batch of pictures; None where nobody asked."""

    reconstruction: Tensor | None = None
    bits: Mapping[str, Tensor] | None = None


def _failure(image: Image) -> _Halves:
    bits = {"bitstream": torch.tensor([[_FAILED_BPP * image[..., 0].size]])}
    return _Halves(to_tensor(np.full_like(image, _FAILED_LEVEL)), bits)


def _viewed(images: Tensor, source: Tensor, coded: _Halves, clean: _Halves) -> View:
    return View(
        images=images,
        source=source,
        clean=clean.reconstruction,
        reconstruction=coded.reconstruction,
        bits=coded.bits,
        clean_bits=clean.bits,
    )


class NoTarget:
    """What attacks see that need nothing: noise."""

    gradients = 0
    queries = 0

    def value_and_grad(self, images: Tensor) -> NoReturn:
        """Refuse."""
        del images
        raise Unsupported("this attack said it needs nothing, and has no target")

    def value(self, images: Tensor) -> NoReturn:
        """Refuse."""
        self.value_and_grad(images)

    def around(self, source: Tensor) -> NoReturn:
        """Refuse."""
        self.value_and_grad(source)

    def query(self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None) -> NoReturn:
        """Refuse."""
        del owners
        self.value_and_grad(torch.from_numpy(images))

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return nothing."""
        del picture
        return ()
