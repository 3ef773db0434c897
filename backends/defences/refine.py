"""A learned encoder that refines its latents for each picture before entropy coding.

    y = g_a(x);  steps of Adam on y minimise bpp + lmbda 255^2 MSE(x, g_s(round y));  y is coded

The decoder is the unchanged decoder of the model. Refinement undoes an attack's effect on the
encoder's transform as far as the decoder can represent the picture. It does not undo the
perturbation itself, because the error is measured against the encoder's input.

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
    """Gradient descent on the latents of every picture at the encoder.

    Args:
        steps: number of steps.
        lr: Adam's learning rate, in quantisation steps.
        lmbda: weight of the distortion in the R-D cost, as in the model's training.
    """

    gradient: ClassVar[str] = "the encoder's without refinement (BPDA); exact for the decoder"
    steps: Annotated[int, Field(ge=1, le=1000)] = 10
    lr: Annotated[float, Field(gt=0)] = 0.05
    lmbda: Annotated[float, Field(gt=0)] = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the refining encoder.

        Raises:
            ConfigError: the codec is not a CompressAI model, or already has a defence, or does not
                run on the CPU.
        """
        if not isinstance(codec, Learned):
            raise ConfigError(
                "only CompressAI models have latents to refine; name 'refine' last in 'defence',"
                " next to the model"
            )
        if codec.device.type != "cpu":
            raise ConfigError("refine works on the CPU only; leave out the model's device")
        return _Refined(self, codec, codec)


class _Refined(Codec):
    """A learned codec with a refining encoder; gradients bypass the refinement."""

    def __init__(self, params: Refine, codec: Learned, surrogate: Learned) -> None:
        self._params, self._codec, self._unrefined = params, codec, surrogate
        self._cost = OwnCost(params.lmbda)

    def encode(self, image: Image) -> bytes:
        return self._codec.with_latents(self._refined(to_tensor(image))).encode(image)

    def decode(self, bitstream: bytes) -> Image:
        return self._codec.decode(bitstream)

    def fingerprint(self) -> str:
        return f"{self._params} > {self._codec.fingerprint()}"

    def header_bytes(self, bitstream: bytes) -> int:
        return self._codec.header_bytes(bitstream)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self._surrogate(images).reconstruct(images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        return self._surrogate(images).rate(images)

    def relaxed(self, images: Tensor) -> Relaxed:
        return self._surrogate(images).relaxed(images)

    def unrounded(self) -> Codec:
        return _Refined(self._params, self._codec, self._codec.unrounded())

    def _surrogate(self, images: Tensor) -> Learned:
        """Return the codec with the refined latents, which have the unrefined latents' gradient."""
        latents = straight_through(self._refined(images.detach()), self._codec.latents(images))
        return self._unrefined.with_latents(latents)

    @torch.enable_grad()
    def _refined(self, images: Tensor) -> Tensor:
        """Return the latents with the lowest cost of all steps, (B, C, h, w)."""
        with torch.no_grad():
            latents = self._codec.latents(images)
        best, lowest = latents.clone(), latents.new_full((len(images),), torch.inf)
        codec = self._codec.with_latents(latents.requires_grad_(True))
        adam = torch.optim.Adam([latents], self._params.lr)
        for step in range(self._params.steps + 1):
            costs = self._cost.relaxed(codec, images)
            is_better = (costs < lowest).detach()
            best = torch.where(is_better.view(-1, 1, 1, 1), latents.detach(), best)
            lowest = torch.where(is_better, costs.detach(), lowest)
            if step < self._params.steps:
                (latents.grad,) = torch.autograd.grad(costs.sum(), latents)
                adam.step()
        return best
