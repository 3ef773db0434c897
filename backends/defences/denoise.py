"""A small denoising network as purifier of the codec's input.

The bundled network is trained on random noise and not on attacks, with `bench train` and the recipe
beside the weights. A recipe with `architecture: denoiser` trains another one.

    Liao et al., Defense against adversarial attacks using a denoiser,
    https://arxiv.org/abs/1712.02976
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from backends.defences.filters import Filter
from backends.learned.nets import freeze, model_hash
from bench.codec import Codec
from bench.defence import only
from bench.models.checkpoint import load
from bench.wrapping import layered

_ARCHITECTURE = "denoiser"


@dataclass(frozen=True)
class Denoise:
    """Denoising of the picture before encoding.

    Args:
        checkpoint: "denoiser-small", or the path of a .safetensors file from `bench train`.
    """

    gradient: ClassVar[str] = Filter.gradient
    checkpoint: str = "denoiser-small"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the denoiser in front of it.

        Raises:
            ConfigError: the checkpoint cannot be read, or does not hold a denoiser.
        """
        return layered(only(_Denoised(_located(self.checkpoint))), 0, codec)


class _Denoised(Filter):
    """The denoiser of one checkpoint."""

    def __init__(self, weights: Path) -> None:
        self._net = freeze(load(weights, _ARCHITECTURE))

    @property
    def identity(self) -> str:
        return model_hash(_ARCHITECTURE, self._net)

    def filtered(self, images: Tensor) -> Tensor:
        out: Tensor = self._net(images)["x_hat"]
        return out.clamp(0, 1)


def _located(checkpoint: str) -> Path:
    """Return the path of a bundled denoiser by its name, or any other path unchanged."""
    with resources.as_file(resources.files("backends.defences") / "weights") as folder:
        bundled = folder / f"{checkpoint}.safetensors"
    return bundled if bundled.exists() else Path(checkpoint)
