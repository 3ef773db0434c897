"""The surrogate of a learned codec: the differentiable computation that replaces coding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from compressai.models import CompressionModel
from torch import Tensor

from backends.learned.nets import downsampling_factor, padded
from bench.codec import Relaxed
from bench.utils.precision import compile_per_shape, current_arithmetic

Pass: TypeAlias = Callable[[Tensor], Mapping[str, Any]]
"""Maps pictures, float (B, 3, H, W) with H and W multiples of the model's downsampling factor, to
a mapping with "x_hat", "likelihoods", or both."""


@dataclass(frozen=True)
class SurrogateForward:
    """The forward passes of a surrogate.

    Attributes:
        reconstruction: returns "x_hat".
        rate: returns the coder's bits of each stream as "likelihoods".
        both: returns both.
    """

    reconstruction: Pass
    rate: Pass
    both: Pass


class _PassInPrecision:
    """A pass, computed in the precision that the current search has declared."""

    def __init__(self, run: Pass, device: torch.device) -> None:
        self._run, self._device = run, device

    def __call__(self, images: Tensor) -> Mapping[str, Any]:
        arithmetic = current_arithmetic()
        run = self._compiled if arithmetic.compiled else self._run
        if arithmetic.precision == "float32":
            return run(images)
        with torch.autocast(self._device.type, torch.bfloat16):
            return run(images)

    @cached_property
    def _compiled(self) -> Pass:
        return compile_per_shape(self._run)


class Surrogate:
    """The differentiable stand-in of a learned codec, a `bench.codec.Differentiable`.

    Args:
        net: the model; its weights may still change.
        passes: the forward passes of the same model.
        factor: the number of which picture sides must be multiples, in pixels, if it is not the
            model's downsampling factor.
    """

    def __init__(
        self, net: CompressionModel, passes: SurrogateForward, factor: int | None = None
    ) -> None:
        self.device: torch.device = next(net.parameters()).device
        self._reconstruction = _PassInPrecision(passes.reconstruction, self.device)
        self._rate = _PassInPrecision(passes.rate, self.device)
        self._both = _PassInPrecision(passes.both, self.device)
        self._factor = factor or downsampling_factor(net)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction, (B, 3, H, W); the rate is not computed."""
        out = self._reconstruction(self._padded(images))
        return _cropped(out["x_hat"], images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the coder's bits of each latent stream, (B, ...); the decoder is not run."""
        return _to_device(self._rate(self._padded(images))["likelihoods"], images)

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits from one pass."""
        out = self._both(self._padded(images))
        return Relaxed(_cropped(out["x_hat"], images), _to_device(out["likelihoods"], images))

    def _padded(self, images: Tensor) -> Tensor:
        """Return padded pictures on the model's device."""
        return padded(images.to(self.device), self._factor)


def _cropped(images: Tensor, like: Tensor) -> Tensor:
    """Return pictures cropped to the size of `like`, on its device and in its precision."""
    return images[..., : like.shape[-2], : like.shape[-1]].to(like)


def _to_device(bits: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """Return the bits on the device of the pictures."""
    return {name: stream.to(images.device) for name, stream in bits.items()}
