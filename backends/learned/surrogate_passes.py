"""The surrogate of a learned codec: what gradients flow through in the place of coding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from compressai.models import CompressionModel
from torch import Tensor

from backends.learned.nets import factor, padded
from bench.codec import Relaxed
from bench.utils.precision import compile_per_shape, current_arithmetic

Pass: TypeAlias = Callable[[Tensor], Mapping[str, Any]]
"""From pictures (B, 3, H, W), H and W multiples of the factor, to "x_hat" or "likelihoods"."""


@dataclass(frozen=True)
class SurrogateForward:
    """What is run in the place of coding, surrogates all.

    Attributes:
        reconstructing: gives "x_hat".
        rating: gives the coder's bits of each stream as "likelihoods".
        costed: gives both.
    """

    reconstructing: Pass
    rating: Pass
    costed: Pass


class _Computed:
    """A pass, computed as the search that looks at it has declared."""

    def __init__(self, run: Pass, device: torch.device) -> None:
        self._run, self._device = run, device

    def __call__(self, images: Tensor) -> Mapping[str, Any]:
        how = current_arithmetic()
        run = self._compiled if how.compiled else self._run
        if how.precision == "float32":
            return run(images)
        with torch.autocast(self._device.type, torch.bfloat16):
            return run(images)

    @cached_property
    def _compiled(self) -> Pass:
        return compile_per_shape(self._run)


class Surrogate:
    """What gradients flow through in the place of coding: `bench.codec.Differentiable`.

    Args:
        net: with weights that may still change.
        passes: of the same net.
    """

    def __init__(self, net: CompressionModel, passes: SurrogateForward) -> None:
        self.device: torch.device = next(net.parameters()).device
        self._reconstructing = _Computed(passes.reconstructing, self.device)
        self._rating = _Computed(passes.rating, self.device)
        self._costed = _Computed(passes.costed, self.device)
        self._factor = factor(net)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction; the entropy model is not run."""
        out = self._reconstructing(self._padded(images))
        return _cropped(out["x_hat"], images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the coder's bits of each latent stream; the decoder is not run."""
        return _beside(self._rating(self._padded(images))["likelihoods"], images)

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return the reconstruction and the bits from one pass."""
        out = self._costed(self._padded(images))
        return Relaxed(_cropped(out["x_hat"], images), _beside(out["likelihoods"], images))

    def _padded(self, images: Tensor) -> Tensor:
        """Move to the networks' device and pad."""
        return padded(images.to(self.device), self._factor)


def _cropped(images: Tensor, like: Tensor) -> Tensor:
    """Return pictures of the size, device and precision of others."""
    return images[..., : like.shape[-2], : like.shape[-1]].to(like)


def _beside(bits: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """Return bit maps on the device of the pictures they were counted for."""
    return {name: stream.to(images.device) for name, stream in bits.items()}
