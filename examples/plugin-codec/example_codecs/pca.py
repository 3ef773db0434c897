"""A small learned codec: rounded principal components of blocks, compressed with zlib."""

import zlib
from collections.abc import Mapping
from importlib import resources

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.codec import Codec, Image, Relaxed
from bench.container import overhead, pack, unpack
from bench.errors import CodecError
from bench.tensors import to_image, to_tensor


class Pca(Codec):
    """Each 8x8 block of RGB pixels as 192 coefficients; `step` is in 8-bit levels."""

    def __init__(self, step: float = 16.0) -> None:
        self._step = step
        with resources.files(__package__).joinpath("basis.npy").open("rb") as file:
            self._kernel = torch.from_numpy(np.load(file).astype(np.float32)).view(-1, 3, 8, 8)

    def encode(self, image: Image) -> bytes:
        symbols = self._latents(to_tensor(image)).round().to(torch.int16).numpy()
        height, width, _ = image.shape
        return pack(b"pca1", height, width, [zlib.compress(symbols.tobytes(), 9)])

    def decode(self, bitstream: bytes) -> Image:
        box = unpack(b"pca1", bitstream)
        shape = (1, 192, -(-box.height // 8), -(-box.width // 8))
        try:
            raw = np.frombuffer(zlib.decompress(b"".join(box.sections)), np.int16).reshape(shape)
        except (ValueError, zlib.error) as error:
            raise CodecError(f"the bitstream holds no coefficients: {error}") from error
        picture = self._picture(torch.from_numpy(raw.astype(np.float32)))
        return to_image(picture[..., : box.height, : box.width])

    def fingerprint(self) -> str:
        return f"pca 1 step {self._step}"

    def header_bytes(self, bitstream: bytes) -> int:
        return overhead(len(unpack(b"pca1", bitstream).sections))

    def relaxed(self, images: Tensor) -> Relaxed:
        latents = self._latents(images)
        rounded = latents + (latents.round() - latents).detach()
        picture = self._picture(rounded)[..., : images.shape[-2], : images.shape[-1]]
        # zlib's bits at steps of 8 to 32: off by 13 % on photographs, 9 % in the conformance tests
        return Relaxed(picture, {"blocks": 0.8375 * torch.log2(1 + (2.5 * latents) ** 4) + 0.065})

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.relaxed(images).reconstruction

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        return self.relaxed(images).bits

    def _latents(self, images: Tensor) -> Tensor:
        padding = (0, -images.shape[-1] % 8, 0, -images.shape[-2] % 8)
        padded = functional.pad(images - 0.5, padding, mode="replicate")
        return functional.conv2d(padded, self._kernel.to(images), stride=8) * (255 / self._step)

    def _picture(self, latents: Tensor) -> Tensor:
        pixels = functional.conv_transpose2d(latents, self._kernel.to(latents), stride=8)
        return pixels * (self._step / 255) + 0.5
