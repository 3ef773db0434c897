"""The codec: the networks of JPEG AI, and CompressAI's range coder.

    image --pad--> y, z --> range coder --container--> bytes
    bytes --> z --means, scales--> y --synthesis, crop--> image

All symbols are in one stream: z of luma, z of chroma, y - mean of luma, y - mean of chroma. The
networks from z to means and scales run in float64 when pictures are coded. So a decoder with
another number of threads, or another build of torch, chooses the same tables.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import compressai
import torch
from torch import Tensor

from bench.codec import Codec, Image, Relaxed
from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, ConfigError, Unsupported, one_line, raise_if_machine
from bench.tensors import to_image, to_tensor
from jpeg_ai_networks import folder, networks, prior
from jpeg_ai_networks.entropy_model import ComponentModel, EntropyModel
from jpeg_ai_networks.networks import HYPER_UNIT, UNIT, Component, Pair, padded, size_of
from jpeg_ai_networks.range_coder import Part
from jpeg_ai_networks.surrogate import Surrogate

LARGEST = 2**23
"""The most pixels of a picture."""

_LEAST_BITS = 2.0**-17
"""The fewest bits of a pixel: no symbol is more probable than 1 - 2^-16, and there is more than one
for two pixels."""


class NetworksCodec(Codec):
    """The codec of ten networks, with the prior that was fitted to them.

    Args:
        networks_folder: the folder with the networks.
        prior_file: the prior, as `jpeg_ai_networks.fit` writes it.

    Raises:
        ConfigError: a file cannot be read, or the prior was fitted to other networks.
    """

    def __init__(self, networks_folder: Path, prior_file: Path) -> None:
        self._networks, fitted = networks.read(networks_folder), prior.read(prior_file)
        if fitted.networks != self._networks.digest:
            raise ConfigError(
                f"{networks_folder} has other networks than those that {prior_file.name} was fitted"
                " to; run python -m jpeg_ai_networks.fit with a folder of photographs"
            )
        self._model = EntropyModel(fitted)
        self._surrogate = Surrogate(self._networks, self._model, rounds=True)
        digests = self._networks.digest, self._model.tables.digest
        self._identity = f"JPEG AI VM 3.3 networks 1 {digests[0]}, tables {digests[1]}"
        self._codec_id = bytes.fromhex(digests[0][:4] + digests[1][:4])

    @torch.no_grad()
    def encode(self, image: Image) -> bytes:
        height, width, _ = image.shape
        if height * width > LARGEST:
            raise Unsupported(
                f"a picture of {width}x{height} has more than {LARGEST} pixels; crop it"
            )
        latents = self._networks.analyse(padded(to_tensor(image)))
        luma = _parts(self._networks.luma, self._model.luma, latents.luma)
        chroma = _parts(self._networks.chroma, self._model.chroma, latents.chroma)
        stream = self._model.tables.encode([luma[0], chroma[0], luma[1], chroma[1]])
        return pack(self._codec_id, height, width, [stream])

    @torch.no_grad()
    def decode(self, bitstream: bytes) -> Image:
        container = unpack(self._codec_id, bitstream)
        stream = _stream(container)
        try:
            decoded = self._networks.synthesise(self._decoded(stream, container))
        except Exception as error:  # a forged stream can cause any error
            raise_if_machine(error)
            raise CodecError(f"this bitstream cannot be decoded: {one_line(error)}") from error
        return to_image(decoded[..., : container.height, : container.width])

    def fingerprint(self) -> str:
        versions = f"compressai {compressai.__version__}, torch {torch.__version__}"
        return f"{self._identity} ({versions})"

    def header_bytes(self, bitstream: bytes) -> int:
        return overhead(len(unpack(self._codec_id, bitstream).sections))

    def estimated_bits(self, image: Image) -> float:
        """Return the bits of all symbols under the coder's tables."""
        with torch.no_grad():
            streams = self.rate(to_tensor(image)).values()
        return float(sum(bits.double().sum() for bits in streams))

    def reconstruct(self, images: Tensor) -> Tensor:
        return self._surrogate.reconstruct(images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        return self._surrogate.rate(images)

    def relaxed(self, images: Tensor) -> Relaxed:
        return self._surrogate.relaxed(images)

    def unrounded(self) -> NetworksCodec:
        """Return this codec with a surrogate that decodes the unrounded latents."""
        codec = copy.copy(self)
        codec._surrogate = Surrogate(self._networks, self._model, rounds=False)
        return codec

    def _decoded(self, stream: bytes, container: Container) -> Pair:
        """Return the latents of a stream."""
        rows, columns = (-(-side // UNIT) for side in (container.height, container.width))
        decoder = self._model.tables.decoder(stream, rows * columns * UNIT**2)
        components = (
            (self._networks.luma, self._model.luma, (2 * rows, 2 * columns)),
            (self._networks.chroma, self._model.chroma, (rows, columns)),
        )
        hyper = [
            decoder.read(model.hyper_tables(_hyper_size(size))) for _, model, size in components
        ]
        latents = []
        for (graphs, model, size), z in zip(components, hyper, strict=True):
            means, scales = graphs.prediction(z, size)
            latents.append((means + decoder.read(model.latent_tables(scales))).float())
        return Pair(*latents)


class JpegAiNetworks(NetworksCodec):
    """The networks of JPEG AI Verification Model 3.3, in the folder that BENCH_JPEG_AI names.

    Raises:
        ConfigError: the variable is not set, or the folder does not have these networks.
    """

    def __init__(self) -> None:
        super().__init__(folder.find(), prior.shipped())


def _parts(graphs: Component, model: ComponentModel, latents: Tensor) -> tuple[Part, Part]:
    """Return the symbols of z and of y - mean, with their tables."""
    hyper = graphs.hyper_analysis(latents).double().round()
    means, scales = graphs.prediction(hyper, size_of(latents))
    residuals = (latents.double() - means).round()
    return Part(hyper, model.hyper_tables(size_of(hyper))), Part(
        residuals, model.latent_tables(scales)
    )


def _hyper_size(size: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (-(-side // HYPER_UNIT) for side in size)
    return rows, columns


def _stream(container: Container) -> bytes:
    """Return the stream of a container, if its encoder can have declared this picture.

    Raises:
        CodecError: it cannot.
    """
    size = f"{container.width}x{container.height}"
    pixels, length = container.height * container.width, sum(map(len, container.sections))
    if len(container.sections) != 1:
        raise CodecError(f"the bitstream holds {len(container.sections)} streams, not 1")
    if pixels > LARGEST or pixels * _LEAST_BITS > 8 * length:
        raise CodecError(
            f"the bitstream is damaged: it declares a picture of {size} but holds {length} bytes"
        )
    return container.sections[0]
