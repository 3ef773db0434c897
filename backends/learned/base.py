"""The base class of learned codecs: a CompressAI model that codes pictures by itself.

    image --pad--> net.compress --> strings --container--> bytes
    bytes --container--> strings --> net.decompress --crop--> image

A picture is edge-padded on the right and below to a multiple of the model's downsampling factor,
and cropped after decoding. It is never resized. Encoding and decoding are the model's own;
gradients flow through a declared surrogate.
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

from backends.learned.bitstream_guard import (
    check_codable_size,
    check_plausible_size,
    least_bits,
    zero_padded,
)
from backends.learned.coding import flat, nested_like
from backends.learned.latents import coded_streams, streams
from backends.learned.nets import downsampling_factor, model_hash, padded, view, weights_hash
from backends.learned.surrogates.passes import Pass, Surrogate
from backends.learned.trace import FixedEncoder, recombined, trace
from bench.codec import Codec, Image, Layout, Relaxed, Rounding, Tolerances
from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, one_line, raise_if_machine
from bench.models.entropy_coder import compressed
from bench.models.subsampling import subsampling_first
from bench.tensors import to_image, to_tensor

_AUTOREGRESSIVE_DB = 28.0
"""PSNR tolerance of autoregressive models. There the surrogate rounds the latents, and the coder
rounds their prediction residuals, so each latent may differ by a level. Such models agree to 32 to
34 dB, others to 40 dB."""


class Learned(Codec):
    """One operating point of a learned codec, differentiable through its surrogate.

    Entropy coding always runs on the CPU, because a bitstream that a GPU wrote may decode to
    another picture on another device. Gradients may be computed elsewhere.

    Args:
        name: the operating point's name; the same weights under another name are another codec.
        net: the frozen model on the CPU, with its CDF tables.
        surrogate_of: returns the surrogate of such a model, with or without rounding.
        estimator_of: returns the own forward of such a model; its "likelihoods" are those of the
            quantised latents.
        coding_options: additional arguments of `compress`, `decompress` and `forward` of
            variable-rate models.
        factor: the number of which picture sides must be multiples, in pixels, if it is not the
            model's downsampling factor.
    """

    def __init__(
        self,
        name: str,
        net: CompressionModel,
        surrogate_of: Callable[[CompressionModel, Rounding], Surrogate],
        estimator_of: Callable[[CompressionModel], Pass],
        coding_options: Mapping[str, Any] | None = None,
        factor: int | None = None,
    ) -> None:
        self._net = net
        self._surrogate_of = surrogate_of
        self._rounding: Rounding = "straight-through"
        self._estimator_of = estimator_of
        self._unrounded: Learned | None = None
        self._coding_options = coding_options or {}
        self._factor = factor or downsampling_factor(net)
        self._least_bits = least_bits(net, self._factor)
        self._model = model_hash(name, net)
        self._weights = weights_hash(net)
        _ = self._surrogate  # a model or a device that has none is refused here

    def encode(self, image: Image) -> bytes:
        """Return the container with the model's strings."""
        height, width, _ = image.shape
        check_codable_size(height, width)
        images = padded(to_tensor(image), self._factor)
        coded = compressed(self._net, images, **self._coding_options)
        return pack(self._codec_id(), height, width, flat(coded["strings"]))

    def decode(self, bitstream: bytes) -> Image:
        """Return the reconstruction; the checksum is verified before entropy decoding."""
        container = unpack(self._codec_id(), bitstream)
        strings, shape = self._strings(container), self._latent_shape(container)
        try:
            with torch.no_grad():
                decoded = self._net.decompress(strings, shape, **self._coding_options)["x_hat"]
        except Exception as error:  # a forged string can cause any error
            raise_if_machine(error)
            raise CodecError(
                f"the model cannot decode this bitstream: {one_line(error)}"
            ) from error
        return to_image(decoded[..., : container.height, : container.width])

    def fingerprint(self) -> str:
        """Return the architecture, hashes of weights and tables, the versions and the device.

        The tables are those in use, which are made from the weights.
        """
        versions = f"compressai {compressai.__version__}, torch {torch.__version__}"
        return f"{self._model}, weights {self._weights} ({versions}, {self.device.type})"

    def header_bytes(self, bitstream: bytes) -> int:
        """Return the container's overhead: magic number, name, sizes, lengths and checksum."""
        return overhead(len(unpack(self._codec_id(), bitstream).sections))

    def estimated_bits(self, image: Image) -> float:
        """Return the sum of -log2 of the likelihoods from the model's own forward."""
        images = padded(to_tensor(image), self._factor)
        with torch.no_grad():
            likelihoods = self._estimator_of(self._net)(images)["likelihoods"].values()
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
        """How far the surrogate may deviate: further for autoregressive models."""
        is_autoregressive = hasattr(self._net, "context_prediction")
        return Tolerances(
            psnr=_AUTOREGRESSIVE_DB if is_autoregressive else None,
            strings=len(flat(self._smallest["strings"])),
        )

    @property
    def device(self) -> torch.device:
        """The device of the surrogate."""
        return self._surrogate.device

    def streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the latents of each stream before rounding, see `bench.codec.LatentCodec`.

        They are computed on the CPU, by the model that codes: on another device, latents near the
        limit between two values could be rounded differently.
        """
        return _on(images, streams(self._net, padded(images.cpu(), self._factor)))

    def coded_streams(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the latents of each stream as they are coded."""
        return _on(images, coded_streams(self._net, padded(images.cpu(), self._factor)))

    def latents(self, images: Tensor) -> Tensor:
        """Return the unquantised latents, (B, C, h, w), of pictures, float (B, 3, H, W)."""
        latents: Tensor = self._net.g_a(padded(images, self._factor))
        return latents

    def with_latents(self, latents: Tensor) -> Learned:
        """Return this codec with an encoder that outputs these latents, (B, C, h, w), always."""
        return self.with_encoder(FixedEncoder(latents))

    def with_encoder(self, encoder: nn.Module) -> Learned:
        """Return this codec with another encoder transform; everything else is shared.

        This codec decodes its bitstreams. Gradients must be computed on the CPU.
        """
        return self._with(cast("CompressionModel", view(self._net, g_a=encoder)))

    def with_own_encoder(self) -> tuple[Learned, list[Tensor]]:
        """Return a codec with a copy of the encoder's transform, and the weights of the copy.

        The weights can be optimised. Everything else is shared with this codec.
        """
        encoder = subsampling_first(copy.deepcopy(self._net.g_a).requires_grad_(True))
        return self.with_encoder(encoder), list(encoder.parameters())

    def unrounded(self) -> Learned:
        """Return this codec with a surrogate that decodes the unrounded latents."""
        if self._rounding == "none":
            return self
        if self._unrounded is None:
            self._unrounded = self._copied()
            self._unrounded._rounding = "none"
        return self._unrounded

    def trace(self, images: Tensor, visit: Callable[[str, Tensor, Tensor], None]) -> None:
        """Visit each layer of the model, see `bench.codec.Traceable`."""
        trace(self._net, padded(images.cpu(), self._factor), visit, self._coding_options)

    def recombined(self, images: Tensor, stream: str, others: Tensor) -> Learned:
        """Return this codec with an encoder that mixes the latents of two pictures."""
        own, given = (padded(one.cpu(), self._factor) for one in (images, others))
        return self._with(recombined(self._net, own, stream, given))

    def moved(self, layout: Layout, device: str) -> Learned:
        """Return this codec with its networks in a layout, on a device; see `bench.codec.Movable`.

        It is for decoding only. The range coder itself always runs on the CPU.
        """
        order = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        codec = self._with(copy.deepcopy(self._net).to(torch.device(device), memory_format=order))
        codec._coding_options = {
            name: value.to(device) if isinstance(value, Tensor) else value
            for name, value in self._coding_options.items()
        }
        return codec

    def _with(self, net: CompressionModel) -> Learned:
        """Return a copy with another model, which need not be able to code the smallest picture."""
        _ = self._smallest  # computed once; the copy keeps it
        codec = self._copied()
        codec._net = net
        return codec

    def _copied(self) -> Learned:
        """Return a copy that makes its surrogate anew."""
        codec = copy.copy(self)
        codec._unrounded = None
        codec.__dict__.pop("_surrogate", None)
        return codec

    def _strings(self, container: Container) -> list[Any]:
        """Return the container's strings in the form that `decompress` expects."""
        written = self._smallest["strings"]
        count = len(flat(written))
        if len(container.sections) != count:
            raise CodecError(
                f"the bitstream holds {len(container.sections)} strings, this model writes {count};"
                " encode the picture again"
            )
        rows, columns = self._units(container)
        pixels = rows * columns * self._factor**2
        check_plausible_size(container, pixels, rows * columns * self._least_bits)
        return nested_like(written, iter(zero_padded(container.sections, pixels)))

    def _latent_shape(self, container: Container) -> Any:  # noqa: ANN401 - the model's own structure
        """Return the sizes of the latents, which follow from the size of the picture."""
        return _scaled(self._smallest["shape"], *self._units(container))

    def _units(self, container: Container) -> tuple[int, int]:
        """Return the coded height and width as multiples of the smallest picture's side."""
        return -(-container.height // self._factor), -(-container.width // self._factor)

    @cached_property
    def _surrogate(self) -> Surrogate:
        """The surrogate of the model, made when it is first used."""
        return self._surrogate_of(self._net, self._rounding)

    @cached_property
    def _smallest(self) -> Mapping[str, Any]:
        """What `compress` returns for the smallest picture: "shape" and "strings"."""
        images = torch.zeros(1, 3, self._factor, self._factor)
        return compressed(self._net, images, **self._coding_options)

    def _codec_id(self) -> bytes:
        return hashlib.sha256(self._model.encode()).digest()[:4]


def _on(images: Tensor, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return latents on the device of pictures."""
    return {name: values.to(images.device) for name, values in latents.items()}


def _scaled(shape: Any, rows: int, columns: int) -> Any:  # noqa: ANN401 - the model's own structure
    """Return the sizes of a picture's latents from those of the smallest picture."""
    if isinstance(shape, Mapping):
        return {name: _scaled(part, rows, columns) for name, part in shape.items()}
    if not isinstance(shape[0], int):
        return [_scaled(part, rows, columns) for part in shape]
    *channels, height, width = shape
    return (*channels, height * rows, width * columns)
