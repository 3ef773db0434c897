"""CompressAI's image models: https://github.com/InterDigitalInc/CompressAI.

    image --pad--> net.compress --> strings --container--> bytes
    bytes --container--> strings --> net.decompress --crop--> image

A picture is padded on the right and below to the model's factor, by repeating its edge, and
cropped back; it is never resized. Encoding and decoding are the model's own; gradients go through
`backends.surrogate`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, cast
from urllib.error import HTTPError

import compressai
import torch
from compressai.entropy_models import EntropyModel
from compressai.models import CompressionModel
from compressai.zoo.image import model_urls
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from backends.surrogate import costed, rating, reconstructing
from bench.checkpoint import load
from bench.codec import Codec, Image, Relaxed
from bench.container import Container, overhead, pack, unpack
from bench.errors import CodecError, ConfigError
from bench.tensors import to_image, to_tensor

_SPELLING = {"bmshj2018-factorized-relu": "bmshj2018_factorized_relu"}
"""Architectures that CompressAI's zoo spells otherwise than its own documentation."""


class CompressAI(Codec):
    """One operating point of a learned codec, differentiable through its surrogate.

    Args:
        architecture: a name of CompressAI's zoo, such as "bmshj2018-hyperprior".
        quality: take the weights CompressAI publishes for this quality (downloaded once).
        checkpoint: take these weights instead: a bundled name, or the path of a .safetensors or
            CompressAI .pth.tar file, relative to the working directory.
        metric: what the published weights were trained for.
        device: where the networks run, "cpu" or "cuda".
    """

    def __init__(
        self,
        architecture: str,
        quality: Annotated[int, Field(ge=1, le=8)] | None = None,
        checkpoint: str | None = None,
        metric: Literal["mse", "ms-ssim"] = "mse",
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        if (quality is None) == (checkpoint is None):
            raise ConfigError(
                f"{architecture} needs either 'quality' (published weights) or 'checkpoint'"
                f" (a file, or one of {', '.join(bundled(architecture)) or 'no bundled ones'})"
            )
        self._device = _device(device)
        if checkpoint is None:
            net = _published(architecture, metric, quality or 1)
        else:
            net = _local(architecture, checkpoint)
        self._net = _frozen(net, self._device)
        self._weights = _weights_hash(architecture, self._net)
        self._reconstructing = reconstructing(self._net)
        self._rating = rating(self._net)
        self._costed = costed(self._net)

    def encode(self, image: Image) -> bytes:
        """Return the container around the model's strings."""
        images = self._padded(to_tensor(image))
        with torch.no_grad():
            coded = self._net.compress(images)
        height, width, _ = image.shape
        return pack(self._codec_id(), height, width, [stream[0] for stream in coded["strings"]])

    def decode(self, bitstream: bytes) -> Image:
        """Return the picture; the checksum is verified before the entropy decoder runs."""
        container = unpack(self._codec_id(), bitstream)
        strings, shape = self._strings(container), self._latent_shape(container)
        with torch.no_grad():
            decoded = self._net.decompress(strings, shape)["x_hat"]
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
            likelihoods = self._net(images)["likelihoods"].values()
        return float(sum(-torch.log2(p.double()).sum() for p in likelihoods))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction; the entropy model is not run."""
        padded = self._padded(images)
        return _cropped(self._reconstructing(padded)["x_hat"], images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the coder's bits of each latent stream; the decoder is not run."""
        return _beside(self._rating(self._padded(images))["likelihoods"], images)

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits from one pass."""
        out = self._costed(self._padded(images))
        return Relaxed(_cropped(out["x_hat"], images), _beside(out["likelihoods"], images))

    def _padded(self, images: Tensor) -> Tensor:
        """Move to the networks' device and repeat the edge up to the model's factor."""
        images = images.to(self._device)
        factor = self._net.downsampling_factor
        bottom, right = -images.shape[-2] % factor, -images.shape[-1] % factor
        if bottom or right:
            images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        return images.contiguous(memory_format=torch.channels_last)

    def _strings(self, container: Container) -> list[list[bytes]]:
        """Return the strings as `decompress` wants them, one for each entropy model."""
        own = sum(isinstance(module, EntropyModel) for module in self._net.modules())
        if len(container.sections) != own:
            raise CodecError(
                f"the bitstream holds {len(container.sections)} strings, this model writes {own};"
                " encode the picture again"
            )
        return [[string] for string in container.sections]

    def _latent_shape(self, container: Container) -> tuple[int, int]:
        """Return the size of the smallest latent, which follows from the picture's."""
        factor = self._net.downsampling_factor
        return -(-container.height // factor), -(-container.width // factor)

    def _codec_id(self) -> bytes:
        return hashlib.sha256(self._weights.encode()).digest()[:4]


def bundled(architecture: str = "") -> list[str]:
    """Return the names of the checkpoints that ship with the package."""
    zoo = resources.files("backends") / "zoo"
    names = [Path(entry.name) for entry in zoo.iterdir() if entry.name.endswith(".safetensors")]
    return sorted(name.stem for name in names if name.stem.startswith(architecture))


def _local(architecture: str, checkpoint: str) -> CompressionModel:
    architecture = _SPELLING.get(architecture, architecture)
    if checkpoint in bundled():
        with resources.as_file(resources.files("backends") / "zoo") as folder:
            return load(folder / f"{checkpoint}.safetensors", architecture)
    return load(Path(checkpoint), architecture)


def _published(architecture: str, metric: str, quality: int) -> CompressionModel:
    url = model_urls.get(architecture, {}).get(metric, {}).get(quality)
    if url is None:
        raise ConfigError(
            f"CompressAI publishes no {metric} weights for {architecture} at quality {quality};"
            " give 'checkpoint' instead"
        )
    return load(_downloaded(url), architecture)


def _downloaded(url: str) -> Path:
    """Return the file in torch's cache; its name ends with the start of its SHA-256."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    digest = file.name.rpartition("-")[2].partition(".")[0]
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), digest, progress=False)
    except (OSError, HTTPException, RuntimeError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise ConfigError(
            f"cannot download {url} ({error}); download it elsewhere and give its path as"
            " 'checkpoint'"
        ) from error
    return file


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use 'cpu'")
    return torch.device(name)


def _frozen(net: CompressionModel, device: torch.device) -> CompressionModel:
    frozen = net.to(device=device, memory_format=torch.channels_last).eval()
    return cast("CompressionModel", frozen.requires_grad_(False))


def _weights_hash(architecture: str, net: CompressionModel) -> str:
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return f"{architecture} {digest.hexdigest()[:16]}"


def _cropped(images: Tensor, like: Tensor) -> Tensor:
    return images[..., : like.shape[-2], : like.shape[-1]].to(like.device)


def _beside(bits: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """Return bit maps on the device of the pictures they were counted for."""
    return {name: stream.to(images.device) for name, stream in bits.items()}
