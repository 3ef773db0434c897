"""What the learned codecs share: a CompressAI net that codes pictures by itself.

    image --pad--> net.compress --> strings --container--> bytes
    bytes --container--> strings --> net.decompress --crop--> image

A picture is padded on the right and below to the model's factor, by repeating its edge, and
cropped back; it is never resized. Encoding and decoding are the model's own; gradients go through
a declared surrogate.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

import compressai
import torch
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.learned.bitstream_guard import check_plausible_size, ended
from backends.learned.nets import factor, padded, view, weights_hash
from backends.learned.surrogate_passes import Pass, Surrogate
from bench.codec import Codec, Image, Relaxed, Tolerances
from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, one_line, raise_if_machine
from bench.models.entropy_coder import compressed
from bench.tensors import to_image, to_tensor

_PREDICTED_DB = 28.0
"""Where latents are predicted one by one the surrogate rounds them, the coder what the prediction
leaves: by design each may differ by a level, which leaves 32 to 34 dB where others agree to 40."""


class Learned(Codec):
    """One operating point of a learned codec, differentiable through its surrogate.

    Strings are coded on the CPU wherever gradients are computed: what a GPU encodes, another
    device may decode to something else.

    Args:
        name: of the operating point; weights under another name are another codec.
        net: frozen, on the CPU, with its CDF tables.
        surrogate_of: gives the surrogate of such a net.
        estimating: the model itself; its "likelihoods" are those of the quantised latents.
        told: what `compress` and `decompress` of a variable-rate net are told besides.
    """

    def __init__(
        self,
        name: str,
        net: CompressionModel,
        surrogate_of: Callable[[CompressionModel], Surrogate],
        estimating: Pass,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self._net = net
        self._surrogate_of = surrogate_of
        self._surrogate = surrogate_of(net)
        self._estimating = estimating
        self._told = told or {}
        self._factor = factor(net)
        self._weights = weights_hash(name, net)

    def encode(self, image: Image) -> bytes:
        """Return the container around the model's strings."""
        images = padded(to_tensor(image), self._factor)
        coded = compressed(self._net, images, **self._told)
        height, width, _ = image.shape
        return pack(self._codec_id(), height, width, [stream[0] for stream in coded["strings"]])

    def decode(self, bitstream: bytes) -> Image:
        """Return the picture; the checksum is verified before the entropy decoder runs."""
        container = unpack(self._codec_id(), bitstream)
        strings, shape = self._strings(container), self._latent_shape(container)
        try:
            with torch.no_grad():
                decoded = self._net.decompress(strings, shape, **self._told)["x_hat"]
        except Exception as error:  # a forged string can fail in any way
            raise_if_machine(error)
            raise CodecError(
                f"the model cannot decode this bitstream: {one_line(error)}"
            ) from error
        return to_image(decoded[..., : container.height, : container.width])

    def fingerprint(self) -> str:
        """Return the architecture, the weights' hash and the versions that do the arithmetic."""
        versions = f"compressai {compressai.__version__}, torch {torch.__version__}"
        return f"{self._weights} ({versions}, {self.device.type})"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the container's bytes: magic, name, sizes, lengths and checksum."""
        return overhead(len(unpack(self._codec_id(), bitstream).sections))

    def estimated_bits(self, image: Image) -> float:
        """Return the sum of -log2 of the likelihoods that the model's own forward gives."""
        images = padded(to_tensor(image), self._factor)
        with torch.no_grad():
            likelihoods = self._estimating(images)["likelihoods"].values()
        return float(sum(-torch.log2(p.double()).sum() for p in likelihoods))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the surrogate's reconstruction."""
        return self._surrogate.reconstruct(images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the surrogate's bits of each latent stream."""
        return self._surrogate.rate(images)

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return both from one pass of the surrogate."""
        return self._surrogate.relaxed(images)

    @property
    def tolerances(self) -> Tolerances:
        """How far the surrogate may be off: further where latents are predicted one by one."""
        return Tolerances(psnr=_PREDICTED_DB if hasattr(self._net, "context_prediction") else None)

    @property
    def device(self) -> torch.device:
        """Where the surrogate is."""
        return self._surrogate.device

    def latents(self, images: Tensor) -> Tensor:
        """Return what the encoder makes of pictures, not quantised, (B, C, h, w)."""
        latents: Tensor = self._net.g_a(padded(images, self._factor))
        return latents

    def with_latents(self, latents: Tensor) -> Learned:
        """Return this codec with an encoder that makes these latents of any picture.

        What it encodes, this codec decodes; its gradients have to be computed on the CPU.
        """
        given = copy.copy(self)
        given._net = cast("CompressionModel", view(self._net, g_a=_Given(latents)))
        given._surrogate = self._surrogate_of(given._net)
        return given

    def _strings(self, container: Container) -> list[list[bytes]]:
        """Return the strings as `decompress` wants them, as many as the model writes."""
        _, own = self._smallest
        if len(container.sections) != own:
            raise CodecError(
                f"the bitstream holds {len(container.sections)} strings, this model writes {own};"
                " encode the picture again"
            )
        rows, columns = self._units(container)
        pixels = rows * columns * self._factor**2
        check_plausible_size(container, pixels)
        return ended(container.sections, pixels)

    def _latent_shape(self, container: Container) -> Any:  # noqa: ANN401 - as the model has it
        """Return the sizes of the latents, which follow from the picture's."""
        shape, _ = self._smallest
        return _scaled(shape, *self._units(container))

    def _units(self, container: Container) -> tuple[int, int]:
        """Return how many times the smallest picture's height and width are coded."""
        return -(-container.height // self._factor), -(-container.width // self._factor)

    @cached_property
    def _smallest(self) -> tuple[Any, int]:
        """The sizes of the latents and the number of strings of the smallest picture."""
        images = torch.zeros(1, 3, self._factor, self._factor)
        coded = compressed(self._net, images, **self._told)
        return coded["shape"], len(coded["strings"])

    def _codec_id(self) -> bytes:
        return hashlib.sha256(self._weights.encode()).digest()[:4]


class _Given(nn.Module):
    """In the place of an encoder: its output is known."""

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        self._latents = latents

    def forward(self, _: Tensor) -> Tensor:
        return self._latents

    def __deepcopy__(self, _: object) -> _Given:
        """Return itself: copies of a net are given the same latents."""
        return self


def _scaled(shape: Any, rows: int, columns: int) -> Any:  # noqa: ANN401 - as a model has it
    """Return the sizes of a picture's latents from those of the smallest one's."""
    if isinstance(shape, Mapping):
        return {name: _scaled(part, rows, columns) for name, part in shape.items()}
    if not isinstance(shape[0], int):
        return [_scaled(part, rows, columns) for part in shape]
    *channels, height, width = shape
    return (*channels, height * rows, width * columns)
