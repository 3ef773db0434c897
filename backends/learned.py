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
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, cast

import compressai
import torch
from compressai.models import CompressionModel
from torch import Tensor
from torch.nn import functional

from bench.codec import Codec, Image, Relaxed
from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, ConfigError
from bench.tensors import to_image, to_tensor

Device: TypeAlias = Literal["cpu", "cuda"]
Pass: TypeAlias = Callable[[Tensor], Mapping[str, Any]]
"""From pictures (B, 3, H, W), H and W multiples of the factor, to "x_hat" or "likelihoods"."""

_USUAL_FACTOR = 64


@dataclass(frozen=True)
class Passes:
    """What is run in the place of coding, surrogates all.

    Attributes:
        reconstructing: gives "x_hat".
        rating: gives the coder's bits of each stream as "likelihoods".
        costed: gives both.
    """

    reconstructing: Pass
    rating: Pass
    costed: Pass


class Surrogate:
    """What gradients flow through in the place of coding: `bench.codec.Differentiable`.

    Args:
        net: with weights that may still change.
        passes: of the same net.
    """

    def __init__(self, net: CompressionModel, passes: Passes) -> None:
        self.device = next(net.parameters()).device
        self._passes = passes
        self._factor = factor(net)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction; the entropy model is not run."""
        padded = self._padded(images)
        return _cropped(self._passes.reconstructing(padded)["x_hat"], images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the coder's bits of each latent stream; the decoder is not run."""
        return _beside(self._passes.rating(self._padded(images))["likelihoods"], images)

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits from one pass."""
        out = self._passes.costed(self._padded(images))
        return Relaxed(_cropped(out["x_hat"], images), _beside(out["likelihoods"], images))

    def _padded(self, images: Tensor) -> Tensor:
        """Move to the networks' device and pad."""
        return _padded(images.to(self.device), self._factor)


class Learned(Codec):
    """One operating point of a learned codec, differentiable through its surrogate.

    Strings are coded on the CPU wherever gradients are computed: what a GPU encodes, another
    device may decode to something else.

    Args:
        name: of the operating point; weights under another name are another codec.
        net: frozen, on the CPU, with its CDF tables.
        surrogate: of the same weights.
        estimating: the model itself; its "likelihoods" are those of the quantised latents.
        told: what `compress` and `decompress` of a variable-rate net are told besides.
    """

    def __init__(
        self,
        name: str,
        net: CompressionModel,
        surrogate: Surrogate,
        estimating: Pass,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self._net = net
        self._surrogate = surrogate
        self._estimating = estimating
        self._told = told or {}
        self._factor = factor(net)
        self._weights = _weights_hash(name, net)

    def encode(self, image: Image) -> bytes:
        """Return the container around the model's strings."""
        images = _padded(to_tensor(image), self._factor)
        with torch.no_grad():
            coded = self._net.compress(images, **self._told)
        height, width, _ = image.shape
        return pack(self._codec_id(), height, width, [stream[0] for stream in coded["strings"]])

    def decode(self, bitstream: bytes) -> Image:
        """Return the picture; the checksum is verified before the entropy decoder runs."""
        container = unpack(self._codec_id(), bitstream)
        strings, shape = self._strings(container), self._latent_shape(container)
        with torch.no_grad():
            decoded = self._net.decompress(strings, shape, **self._told)["x_hat"]
        return to_image(decoded[..., : container.height, : container.width])

    def fingerprint(self) -> str:
        """Return the architecture, the weights' hash and the versions that do the arithmetic."""
        versions = f"compressai {compressai.__version__}, torch {torch.__version__}"
        return f"{self._weights} ({versions}, {self._surrogate.device.type})"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the container's bytes: magic, name, sizes, lengths and checksum."""
        return overhead(len(unpack(self._codec_id(), bitstream).sections))

    def estimated_bits(self, image: Image) -> float:
        """Return the sum of -log2 of the likelihoods that the model's own forward gives."""
        images = _padded(to_tensor(image), self._factor)
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

    def _strings(self, container: Container) -> list[list[bytes]]:
        """Return the strings as `decompress` wants them, one for each pass of an entropy coder."""
        _, own = self._smallest
        if len(container.sections) != own:
            raise CodecError(
                f"the bitstream holds {len(container.sections)} strings, this model writes {own};"
                " encode the picture again"
            )
        return [[string] for string in container.sections]

    def _latent_shape(self, container: Container) -> Any:  # noqa: ANN401 - as the model has it
        """Return the sizes of the latents, which follow from the picture's."""
        shape, _ = self._smallest
        return _scaled(
            shape, -(-container.height // self._factor), -(-container.width // self._factor)
        )

    @cached_property
    def _smallest(self) -> tuple[Any, int]:
        """The sizes of the latents and the number of strings of the smallest picture."""
        images = torch.zeros(1, 3, self._factor, self._factor)
        with torch.no_grad():
            coded = self._net.compress(images, **self._told)
        return coded["shape"], len(coded["strings"])

    def _codec_id(self) -> bytes:
        return hashlib.sha256(self._weights.encode()).digest()[:4]


def factor(net: CompressionModel) -> int:
    """Return what sides of pictures must be multiples of."""
    return getattr(net, "downsampling_factor", _USUAL_FACTOR)


def frozen(net: CompressionModel) -> CompressionModel:
    """Return the net itself in eval mode; its weights take no gradient."""
    moved = net.to(memory_format=torch.channels_last).eval()
    return cast("CompressionModel", moved.requires_grad_(False))


def on_device(net: CompressionModel, device: Device) -> CompressionModel:
    """Return a net where gradients are computed: itself on the CPU, a copy elsewhere.

    Raises:
        ConfigError: the device is not there.
    """
    if device == "cpu":
        return net
    if not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use 'cpu'")
    return cast("CompressionModel", copy.deepcopy(net).to(device))


def _padded(images: Tensor, factor: int) -> Tensor:
    """Repeat the edge up to multiples of the factor."""
    bottom, right = (-side % factor for side in images.shape[-2:])
    if bottom or right:
        images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
    return images.contiguous(memory_format=torch.channels_last)


def _weights_hash(architecture: str, net: CompressionModel) -> str:
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return f"{architecture} {digest.hexdigest()[:16]}"


def _scaled(shape: Any, rows: int, columns: int) -> Any:  # noqa: ANN401 - as a model has it
    """Return the sizes of a picture's latents from those of the smallest one's."""
    if isinstance(shape, Mapping):
        return {name: _scaled(part, rows, columns) for name, part in shape.items()}
    if not isinstance(shape[0], int):
        return [_scaled(part, rows, columns) for part in shape]
    *channels, height, width = shape
    return (*channels, height * rows, width * columns)


def _cropped(images: Tensor, like: Tensor) -> Tensor:
    return images[..., : like.shape[-2], : like.shape[-1]].to(like.device)


def _beside(bits: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """Return bit maps on the device of the pictures they were counted for."""
    return {name: stream.to(images.device) for name, stream in bits.items()}
