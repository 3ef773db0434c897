"""The target of an attack: one codec, one objective, and counters.

The harness counts gradient evaluations and queries here. It flags gradients that are zero or not
finite, because an attack without a useful gradient is no evidence of robustness.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import Objective, View
from bench.codec import Codec, Concurrent, Differentiable, Image, LatentCodec
from bench.crafting.output import Output, failed_output, view_of
from bench.defence import at_levels
from bench.errors import PLUGIN_ERRORS, Unsupported, raise_if_machine
from bench.isolation.coder import decode, encode
from bench.tensors import to_image, to_tensor
from bench.utils.foreign_call import foreign_call

ZERO_GRADIENT = "zero-gradient"
NAN_GRADIENT = "nan-gradient"

_TIMED = 3
"""How often a picture is encoded where an objective needs the time; the fastest one counts."""


class CodecTarget:
    """One objective on one codec, for one batch of source pictures; see `bench.attack.Target`.

    Args:
        codec: the codec, or the surrogate, that is attacked.
        objective: the objective of the attack.
        source: source pictures, float (B, 3, H, W) in [0, 1].

    Attributes:
        queries: number of queried pictures, without the source pictures, which some objectives
            compare with. A query encodes its picture once, or more often if the objective needs it.
    """

    def __init__(self, codec: Codec | Differentiable, objective: Objective, source: Tensor) -> None:
        self._codec = codec
        self._objective = objective
        self._source = source
        self._nonzero = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        self._finite = ~self._nonzero
        self._gradients = 0
        self._others: list[CodecTarget] = []
        self.queries = 0

    @property
    def gradients(self) -> int:
        """Number of gradient evaluations, those of targets made by `around` included."""
        return self._gradients + sum(other.gradients for other in self._others)

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the surrogate's values, (B,), and their gradient; entries not finite become 0."""
        values, gradient = self.raw_value_and_grad(images)
        return values, self._checked(gradient)

    def raw_value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return values, (B,), and gradient, (B, 3, H, W), unchecked: they may not be finite."""
        images = images.detach().requires_grad_(True)
        with foreign_call("a gradient", _pixels(images)):
            values = self._objective(self._view(images))
            gradient = _gradient(values, images)
        self._gradients += 1
        return values.detach(), gradient

    def value(self, images: Tensor) -> Tensor:
        """Return the surrogate's values, (B,)."""
        with torch.no_grad(), foreign_call("a value of the surrogate", _pixels(images)):
            return self._objective(self._view(images))

    def around(self, source: Tensor) -> CodecTarget:
        """Return the same target with other source pictures, see `bench.attack.Target`."""
        self._others.append(self._with_source(source))
        return self._others[-1]

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of really coded pictures, see `bench.attack.Target`."""
        owners = range(len(images)) if owners is None else owners
        self.queries += len(images)
        with foreign_call("a query", images[..., 0].size):
            coded = self._code_all(list(images))
            queries = zip(images, coded, owners, strict=True)
            return np.array([self._query_value(*query) for query in queries])

    def flags(self, picture: int | None = None) -> tuple[str, ...]:
        """Return the caveats of every score that comes from this search.

        Args:
            picture: index in the batch; the flags of all pictures if None. Flags raised for other
                source pictures (`around`) apply to every picture.
        """
        others = chain(*(other.flags() for other in self._others))
        return tuple(dict.fromkeys(chain(self._own_flags(picture), others)))

    def _own_flags(self, picture: int | None) -> tuple[str, ...]:
        if self._gradients == 0:
            return ()
        index = slice(None) if picture is None else picture
        zero = () if bool(self._nonzero[index].all()) else (ZERO_GRADIENT,)
        return zero if bool(self._finite[index].all()) else (*zero, NAN_GRADIENT)

    def _with_source(self, source: Tensor) -> CodecTarget:
        return CodecTarget(self._codec, self._objective, source)

    def _checked(self, gradient: Tensor) -> Tensor:
        self._finite &= gradient.isfinite().flatten(1).all(1)
        gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
        self._nonzero |= gradient.flatten(1).any(1)
        return gradient

    def _view(self, images: Tensor) -> View:
        return view_of(images, self._source, self._surrogate_output(images), self._clean)

    def _surrogate_output(self, images: Tensor) -> Output:
        """Return the part of the surrogate's output that the objective needs."""
        codec = self._codec
        if not isinstance(codec, Differentiable):
            raise Unsupported("this codec offers no gradients; attack it by transfer or queries")
        if self._objective.needs == "time":
            raise Unsupported("encoding time has no gradient; use an attack by queries")
        if self._objective.needs == "latents":
            return Output(offsets=_offsets(self._latent_codec.streams(images), self._coded_streams))
        if self._objective.needs == "rate":
            return Output(bits=codec.rate(images))
        if self._objective.needs == "reconstruction":
            return Output(codec.reconstruct(images))
        if self._objective.needs == "regenerated":
            decoded = at_levels(codec.reconstruct(images).clamp(0, 1))
            return Output(regenerated=codec.reconstruct(decoded))
        both = codec.relaxed(images)
        return Output(both.reconstruction, both.bits)

    @property
    def _latent_codec(self) -> LatentCodec:
        if not isinstance(self._codec, LatentCodec):
            raise Unsupported(
                "this codec does not show its latents before rounding; only learned codecs without"
                " defences do"
            )
        return self._codec

    @cached_property
    def _coded_streams(self) -> Mapping[str, Tensor]:
        """The coded latents of the source pictures."""
        return self._latent_codec.coded_streams(self._source)

    @property
    def _real_codec(self) -> Codec:
        if not isinstance(self._codec, Codec):
            raise Unsupported("this target codes nothing; attack it by gradients")
        return self._codec

    @cached_property
    def _clean(self) -> Output:
        """The surrogate's output for the source pictures; empty if the objective needs none."""
        if not self._objective.wants_clean:
            return Output()
        with torch.no_grad():
            return self._surrogate_output(self._source)

    def _code(self, codec: Codec, image: Image) -> Output:
        """Encode a picture, and decode it if the objective needs the reconstruction."""
        if self._objective.needs == "time":
            return Output(seconds=min(_seconds(codec, image) for _ in range(_TIMED)))
        bitstream = encode(codec, image)
        if self._objective.needs == "latents":
            return Output(bitstream=bitstream)
        bits = {"bitstream": torch.tensor([[8.0 * len(bitstream)]])}
        if self._objective.needs == "rate":
            return Output(bits=bits)
        size = image.shape[0], image.shape[1]
        decoded = decode(codec, bitstream, size)
        if self._objective.needs == "regenerated":
            return Output(regenerated=to_tensor(decode(codec, encode(codec, decoded), size)))
        return Output(to_tensor(decoded), bits)

    def _code_all(self, images: Sequence[Image]) -> list[Output | None]:
        """Code pictures, in as many threads as torch uses if the codecs allow it.

        A picture whose encoding is timed is coded alone.
        """
        codecs = [self._real_codec for _ in images]  # a random codec is drawn anew for each picture
        is_alone = self._objective.needs == "time"
        if is_alone or not all(isinstance(codec, Concurrent) for codec in codecs):
            return list(map(self._code_or_fail, codecs, images))
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            return list(threads.map(self._code_or_fail, codecs, images))

    def _code_or_fail(self, codec: Codec, image: Image) -> Output | None:
        """Code a picture; None if the codec does not support it, mid-grey if the codec fails."""
        try:
            return self._code(codec, image)
        except Unsupported:
            return None
        except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
            raise_if_machine(error)
            return failed_output(image)

    @cached_property
    def _clean_coded(self) -> list[Output]:
        """The coded source pictures; empty outputs if the objective needs none."""
        if not self._objective.wants_clean:
            return [Output()] * len(self._source)
        images = map(to_image, self._source.split(1))
        return [self._code(self._real_codec, image) for image in images]

    def _query_value(self, image: Image, coded: Output | None, owner: int) -> float:
        if coded is None:
            return -np.inf
        source, clean = self._source[owner : owner + 1].cpu(), self._clean_coded[owner]
        return float(self._objective(view_of(to_tensor(image), source, coded, clean)))


def _pixels(images: Tensor) -> int:
    """Return the number of pixels of a batch of pictures, (B, 3, H, W)."""
    return images[:, 0].numel()


def _gradient(values: Tensor, images: Tensor) -> Tensor:
    """Return the gradient of the sum of values; zeros if they do not depend on the pictures."""
    if not values.requires_grad:
        return torch.zeros_like(images)
    (gradient,) = torch.autograd.grad(
        values.sum(), images, allow_unused=True, materialize_grads=True
    )
    return gradient


def _seconds(codec: Codec, image: Image) -> float:
    """Return the time of encoding a picture once."""
    started = time.perf_counter()
    encode(codec, image)
    return time.perf_counter() - started


def _offsets(streams: Mapping[str, Tensor], coded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: latents - coded[name] for name, latents in streams.items()}
