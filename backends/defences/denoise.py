"""A small trained net as purifier: what the codec inside is given has less noise.

Trained on random noise, not on attacks: `bench train` with the recipe beside the weights, or one of
your own with `architecture: denoiser`.

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
from backends.learned.nets import frozen, weights_hash
from bench.codec import Codec
from bench.defence import only
from bench.models.checkpoint import load
from bench.wrapping import layered

_ARCHITECTURE = "denoiser"


@dataclass(frozen=True)
class Denoise:
    """Denoised first.

    Args:
        checkpoint: "denoiser-small", or the path of a .safetensors file that `bench train` made.
    """

    gradient: ClassVar[str] = Filter.gradient
    checkpoint: str = "denoiser-small"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of denoised pictures.

        Raises:
            ConfigError: the checkpoint cannot be read, or is no denoiser's.
        """
        return layered(only(_Denoised(_located(self.checkpoint))), 0, codec)


class _Denoised(Filter):
    """The denoiser of one checkpoint."""

    def __init__(self, weights: Path) -> None:
        self._net = frozen(load(weights, _ARCHITECTURE))

    @property
    def identity(self) -> str:
        return weights_hash(_ARCHITECTURE, self._net)

    def filtered(self, images: Tensor) -> Tensor:
        out: Tensor = self._net(images)["x_hat"]
        return out.clamp(0, 1)


def _located(checkpoint: str) -> Path:
    """Return the file of the denoiser that ships with the package, or of any other by its path."""
    with resources.as_file(resources.files("backends.defences") / "weights") as folder:
        bundled = folder / f"{checkpoint}.safetensors"
    return bundled if bundled.exists() else Path(checkpoint)
