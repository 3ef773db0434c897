"""A learned encoder that improves its latents for each picture before it codes them.

    y = g_a(x);  a few steps of Adam on y down bpp + lmbda 255^2 MSE(x, g_s(round y));  y is coded

The decoder is the model's own and needs to be told nothing. What an attack did to the encoder's
transform is undone where the decoder can still show the picture: the error is against the encoder's
own input, so what the attack did to the picture stays.

    Campos et al., Content adaptive optimization for neural image compression,
    https://arxiv.org/abs/1906.01223
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backends.learned.base import Learned
from bench.codec import Codec, Image, Relaxed
from bench.defence import OwnCost, straight_through
from bench.errors import ConfigError
from bench.tensors import to_tensor


@dataclass(frozen=True)
class Refine:
    """Gradient steps on the latents of every picture, at the encoder.

    Args:
        steps: how many.
        lr: of Adam, in quantisation steps.
        lmbda: weight of the error in the cost, as the model was trained with.
    """

    gradient: ClassVar[str] = "the encoder's without the steps (BPDA); the decoder's is exact"
    steps: Annotated[int, Field(ge=1, le=1000)] = 10
    lr: Annotated[float, Field(gt=0)] = 0.05
    lmbda: Annotated[float, Field(gt=0)] = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the better encoder.

        Raises:
            ConfigError: it is no CompressAI model, or behind another defence, or not on the CPU.
        """
        if not isinstance(codec, Learned):
            raise ConfigError(
                "only the latents of a CompressAI model can be refined; name 'refine' last in"
                " 'defence', next to the model"
            )
        if codec.device.type != "cpu":
            raise ConfigError("latents are refined on the CPU; leave out the model's device")
        return _Refined(self, codec)


class _Refined(Codec):
    """A learned codec whose encoder takes gradient steps; gradients go round these."""

    def __init__(self, how: Refine, codec: Learned) -> None:
        self._how, self._codec = how, codec
        self._cost = OwnCost(how.lmbda)

    def encode(self, image: Image) -> bytes:
        return self._codec.with_latents(self._refined(to_tensor(image))).encode(image)

    def decode(self, bitstream: bytes) -> Image:
        return self._codec.decode(bitstream)

    def fingerprint(self) -> str:
        return f"{self._how} > {self._codec.fingerprint()}"

    def header_bytes(self, bitstream: bytes) -> int:
        return self._codec.header_bytes(bitstream)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self._followed(images).reconstruct(images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        return self._followed(images).rate(images)

    def relaxed(self, images: Tensor) -> Relaxed:
        return self._followed(images).relaxed(images)

    def _followed(self, images: Tensor) -> Learned:
        """Return the codec with the refined latents, their gradient that of the first ones."""
        latents = straight_through(self._refined(images.detach()), self._codec.latents(images))
        return self._codec.with_latents(latents)

    @torch.enable_grad()
    def _refined(self, images: Tensor) -> Tensor:
        """Return the latents that cost least, of the first ones and those of every step."""
        with torch.no_grad():
            latents = self._codec.latents(images)
        best, lowest = latents.clone(), latents.new_full((len(images),), torch.inf)
        given = self._codec.with_latents(latents.requires_grad_(True))
        adam = torch.optim.Adam([latents], self._how.lr)
        for step in range(self._how.steps + 1):
            costs = self._cost.relaxed(given, images)
            better = (costs < lowest).detach()
            best = torch.where(better.view(-1, 1, 1, 1), latents.detach(), best)
            lowest = torch.where(better, costs.detach(), lowest)
            if step < self._how.steps:
                (latents.grad,) = torch.autograd.grad(costs.sum(), latents)
                adam.step()
        return best
