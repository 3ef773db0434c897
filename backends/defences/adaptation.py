"""Learned encoders that adapt to each picture before entropy coding.

    refine:         y = g_a(x);  steps of Adam on y minimise J;  y is coded
    online-update:  steps of Adam on the weights of g_a minimise J of y = g_a(x);  y is coded

J is bpp + lmbda 255^2 MSE(x, g_s(round y)). The decoder is the unchanged decoder of the model.
Both undo an attack's effect on the encoder's transform as far as the decoder can represent the
picture. They do not undo the perturbation itself, because the error is measured against the
encoder's input.

    Campos et al., Content adaptive optimization for neural image compression,
    https://arxiv.org/abs/1906.01223 (latents)
    Lu et al., Content adaptive and error propagation aware deep video compression,
    https://arxiv.org/abs/2003.11282 (weights of the encoder)
    Wu et al., On the adversarial robustness of learning-based image compression against
    rate-distortion attacks, https://arxiv.org/abs/2405.07717 (online updating as a defence)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backends.learned.base import Learned
from backends.learned.trace import FixedEncoder
from bench.codec import Codec, Image, Relaxed
from bench.defence import OwnCost, straight_through
from bench.errors import ConfigError
from bench.tensors import to_tensor


@dataclass(frozen=True)
class Adaptation(ABC):
    """Gradient descent on the R-D cost of every picture at the encoder.

    Args:
        steps: number of steps.
        lr: Adam's learning rate.
        lmbda: weight of the distortion in the R-D cost, as in the model's training.
    """

    gradient: ClassVar[str] = "that of the encoder before it adapts (BPDA); exact for the decoder"
    steps: Annotated[int, Field(ge=1, le=1000)] = 10
    lr: Annotated[float, Field(gt=0)] = 0.05
    lmbda: Annotated[float, Field(gt=0)] = 0.013

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the adapting encoder.

        Raises:
            ConfigError: the codec is not a CompressAI model, or already has a defence, or does not
                run on the CPU.
        """
        if not isinstance(codec, Learned):
            raise ConfigError(
                "only CompressAI models have an encoder that can adapt to a picture; name"
                " 'refine' or 'online-update' last in 'defence', next to the model"
            )
        if codec.device.type != "cpu":
            raise ConfigError(
                "'refine' and 'online-update' work on the CPU only; leave out the model's device"
            )
        return _Adapted(self, codec, codec)

    @abstractmethod
    def latents(self, codec: Learned, images: Tensor) -> Tensor:
        """Return the latents with the lowest cost of all steps, (B, C, h, w).

        Args:
            codec: the codec.
            images: float (B, 3, H, W) in [0, 1].
        """

    @torch.enable_grad()
    def _descend(
        self,
        variables: Sequence[Tensor],
        latents: Callable[[], Tensor],
        codec: Learned,
        images: Tensor,
    ) -> Tensor:
        """Return the best latents on the way of Adam, which changes the variables in place."""
        cost, adam = OwnCost(self.lmbda), torch.optim.Adam(variables, self.lr)
        encoder = FixedEncoder(torch.empty(0))
        path = codec.with_encoder(encoder)  # one surrogate for all steps
        best, lowest = torch.empty(0), images.new_full((len(images),), torch.inf)
        for step in range(self.steps + 1):
            encoder.latents = tried = latents()
            costs = cost.relaxed(path, images)
            is_better = (costs < lowest).detach()
            now = tried.detach().clone()
            best = torch.where(is_better.view(-1, 1, 1, 1), now, best) if step else now
            lowest = torch.where(is_better, costs.detach(), lowest)
            if step < self.steps:
                slopes = torch.autograd.grad(costs.sum(), variables, allow_unused=True)
                for variable, slope in zip(variables, slopes, strict=True):
                    variable.grad = slope
                adam.step()
        return best


@dataclass(frozen=True)
class Refine(Adaptation):
    """Gradient descent on the latents of every picture at the encoder.

    Args:
        steps: number of steps.
        lr: Adam's learning rate, in units of the latents: in quantisation steps, except for models
            of variable rate, whose gain multiplies the latents afterwards.
        lmbda: weight of the distortion in the R-D cost, as in the model's training.
    """

    def latents(self, codec: Learned, images: Tensor) -> Tensor:
        """Return the refined latents."""
        with torch.no_grad():
            latents = codec.latents(images)
        return self._descend([latents.requires_grad_(True)], lambda: latents, codec, images)


@dataclass(frozen=True)
class OnlineUpdate(Adaptation):
    """Gradient descent on the weights of the encoder's transform, for every picture anew.

    Args:
        steps: number of steps.
        lr: Adam's learning rate, as in the training of the model.
        lmbda: weight of the distortion in the R-D cost, as in the model's training.
    """

    lr: Annotated[float, Field(gt=0)] = 1e-4

    def latents(self, codec: Learned, images: Tensor) -> Tensor:
        """Return the latents of each picture from an encoder of its own."""
        return torch.cat([self._of_one(codec, images[i : i + 1]) for i in range(len(images))])

    def _of_one(self, codec: Learned, image: Tensor) -> Tensor:
        own, weights = codec.with_own_encoder()
        return self._descend(weights, lambda: own.latents(image), codec, image)


class _Adapted(Codec):
    """A learned codec with an adapting encoder; gradients bypass the adaptation."""

    def __init__(self, params: Adaptation, codec: Learned, surrogate: Learned) -> None:
        self._params, self._codec, self._unadapted = params, codec, surrogate

    def encode(self, image: Image) -> bytes:
        latents = self._params.latents(self._codec, to_tensor(image))
        return self._codec.with_latents(latents).encode(image)

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
        return _Adapted(self._params, self._codec, self._codec.unrounded())

    def _surrogate(self, images: Tensor) -> Learned:
        """Return the codec with the adapted latents, which have the original latents' gradient."""
        adapted = self._params.latents(self._codec, images.detach())
        return self._unadapted.with_latents(straight_through(adapted, self._codec.latents(images)))
