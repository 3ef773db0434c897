"""What the learned codecs share: a CompressAI net that codes pictures by itself.

    image --pad--> net.compress --> strings --container--> bytes
    bytes --container--> strings --> net.decompress --crop--> image

A picture is padded on the right and below to the model's factor, by repeating its edge, and
cropped back; it is never resized. Encoding and decoding are the model's own; gradients go through
a declared surrogate.
"""

from __future__ import annotations

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
    """What is run in the place of coding.

    Attributes:
        reconstructing: surrogate, gives "x_hat".
        rating: surrogate, gives the coder's bits of each stream as "likelihoods".
        costed: surrogate, gives both.
        estimating: the model itself; its "likelihoods" are those of the quantised latents.
    """

    reconstructing: Pass
    rating: Pass
    costed: Pass
    estimating: Pass


class Surrogate:
    """What gradients flow through in the place of coding: `bench.codec.Differentiable`.

    Args:
        net: with weights that may still change.
        passes: of the same net.
    """

    def __init__(self, net: CompressionModel, passes: Passes) -> None:
        self._net = net
        self._passes = passes
        self._device = next(net.parameters()).device
        self._factor = getattr(net, "downsampling_factor", _USUAL_FACTOR)

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
        """Move to the networks' device and repeat the edge up to the model's factor."""
        images = images.to(self._device)
        bottom, right = (-side % self._factor for side in images.shape[-2:])
        if bottom or right:
            images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        return images.contiguous(memory_format=torch.channels_last)


class Learned(Surrogate, Codec):
    """One operating point of a learned codec, differentiable through its surrogate.

    Args:
        name: of the operating point; weights under another name are another codec.
        net: frozen, with its CDF tables.
        passes: of the same net.
        level: what `compress` and `decompress` of a variable-rate net are told besides.
    """

    def __init__(
        self, name: str, net: CompressionModel, passes: Passes, level: int | None = None
    ) -> None:
        super().__init__(net, passes)
        self._told = {} if level is None else {"s": level}
        self._weights = _weights_hash(name, net)

    def encode(self, image: Image) -> bytes:
        """Return the container around the model's strings."""
        images = self._padded(to_tensor(image))
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
        return f"{self._weights} ({versions}, {self._device.type})"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the container's bytes: magic, name, sizes, lengths and checksum."""
        return overhead(len(unpack(self._codec_id(), bitstream).sections))

    def estimated_bits(self, image: Image) -> float:
        """Return the sum of -log2 of the likelihoods that the model's own forward gives."""
        images = self._padded(to_tensor(image))
        with torch.no_grad():
            likelihoods = self._passes.estimating(images)["likelihoods"].values()
        return float(sum(-torch.log2(p.double()).sum() for p in likelihoods))

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
        images = torch.zeros(1, 3, self._factor, self._factor, device=self._device)
        with torch.no_grad():
            coded = self._net.compress(images, **self._told)
        return coded["shape"], len(coded["strings"])

    def _codec_id(self) -> bytes:
        return hashlib.sha256(self._weights.encode()).digest()[:4]


def device_named(name: Device) -> torch.device:
    """Return where networks run.

    Raises:
        ConfigError: it is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use 'cpu'")
    return torch.device(name)


def frozen(net: CompressionModel, device: torch.device) -> CompressionModel:
    """Return the net itself, on the device and in eval mode; its weights take no gradient."""
    moved = net.to(device=device, memory_format=torch.channels_last).eval()
    return cast("CompressionModel", moved.requires_grad_(False))


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
