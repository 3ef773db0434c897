"""The differentiable stand-in of the codec.

reconstruction   decodes the rounded latents, with the identity as the gradient of rounding, or the
                 unrounded latents
rate             the coder's bits of the rounded latents, with the gradient of a smooth cost; the
                 rounding of z is always straight-through
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.codec import Relaxed
from jpeg_ai_networks.entropy_model import ComponentModel, EntropyModel
from jpeg_ai_networks.networks import Component, Networks, Pair, padded, size_of


@dataclass(frozen=True)
class Surrogate:
    """A `bench.codec.Differentiable`.

    Attributes:
        networks: the networks.
        model: their entropy model.
        rounds: whether the decoded latents are rounded.
    """

    networks: Networks
    model: EntropyModel
    rounds: bool

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstruction, (B, 3, H, W); bits are not computed.

        The means have no gradient here: straight-through gradients of -mean and +mean cancel.
        """
        luma, chroma = self.networks.analyse(padded(images))
        if self.rounds:
            luma = _rounded(luma, _means(self.networks.luma, luma))
            chroma = _rounded(chroma, _means(self.networks.chroma, chroma))
        return self._picture(Pair(luma, chroma), images)

    def rate(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return the bits of each latent stream, (B, C, h, w); synthesis is not run."""
        return self._coded(self.networks.analyse(padded(images)))[1]

    def relaxed(self, images: Tensor) -> Relaxed:
        """Return both."""
        latents, bits = self._coded(self.networks.analyse(padded(images)))
        return Relaxed(self._picture(latents, images), bits)

    def _picture(self, latents: Pair, images: Tensor) -> Tensor:
        """Return decoded latents as pictures of the size of `images`."""
        rows, columns = images.shape[-2:]
        return self.networks.synthesise(latents)[..., :rows, :columns]

    def _coded(self, latents: Pair) -> tuple[Pair, dict[str, Tensor]]:
        """Return the latents that are decoded, and the bits of all streams."""
        luma, luma_bits = self._component(self.networks.luma, self.model.luma, latents.luma)
        chroma, chroma_bits = self._component(
            self.networks.chroma, self.model.chroma, latents.chroma
        )
        bits = {f"luma {name}": one for name, one in luma_bits.items()}
        return Pair(luma, chroma), bits | {f"chroma {name}": b for name, b in chroma_bits.items()}

    def _component(
        self, networks: Component, model: ComponentModel, latents: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        hyper = networks.hyper_analysis(latents)
        means, scales = networks.prediction(_rounded(hyper), size_of(latents))
        bits = {"y": model.latent_bits(latents - means, scales), "z": model.hyper_bits(hyper)}
        return _rounded(latents, means.detach()) if self.rounds else latents, bits


def _means(networks: Component, latents: Tensor) -> Tensor:
    with torch.no_grad():
        hyper = networks.hyper_analysis(latents).round()
        return networks.prediction(hyper, size_of(latents))[0]


def _rounded(values: Tensor, means: Tensor | float = 0.0) -> Tensor:
    """Round to whole steps from the means, with the identity as gradient."""
    return values + ((values - means).round() + means - values).detach()
