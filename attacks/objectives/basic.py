"""What an attacker can want: a bad reconstruction, many bits, or both as one R-D cost.

NIC-RobustBench (arXiv 2506.19051) gives twelve losses. Its published code names ten, which are
these, and an experimental one around a single pixel, which is not offered; the twelfth is not
named there.

    added_noises_loss            {name: distortion, reference: carried, planes: ycbcr}
    reconstr_loss                {name: distortion, reference: input, planes: ycbcr}
    ftda_default_loss            {name: distortion, reference: clean, planes: ycbcr}
    the three of them with _Y    the same with planes: luma
    src_reconstr_loss_Y          {name: distortion, planes: luma}
    ftda_msssim_loss             {name: ms-ssim, reference: clean, planes: ycbcr}
    reconstruction_msssim_loss   {name: ms-ssim, reference: input, planes: ycbcr}
    bpp_increase_loss            rate
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import pytorch_msssim
import torch
from pydantic import Field
from torch import Tensor

from bench.attack import Half, View, given
from bench.errors import Unsupported

Reference: TypeAlias = Literal["source", "clean", "input", "carried"]
Planes: TypeAlias = Literal["rgb", "ycbcr", "luma"]

_MS_SSIM_SIDE = 161


@dataclass(frozen=True)
class Distortion:
    """Mean squared error of the reconstruction, on [0, 1]; it falls as PSNR rises.

    Args:
        reference: what the reconstruction C(x') is compared with: the source picture x; the clean
            reconstruction C(x) (Chen & Ma 2021); its own input x'; or C(x) + x' - x, which a codec
            would give that carried the change through untouched (arXiv 2506.19051). With C(x) in
            it, the gradient at x is exactly zero.
        planes: of which planes: red, green and blue; luma and both chroma; or luma alone
            (ITU-R BT.601 in full range, as in JPEG files).
    """

    needs: ClassVar[Half] = "reconstruction"
    reference: Reference = "source"
    planes: Planes = "rgb"

    @property
    def wants_clean(self) -> bool:
        """Whether C(x) is part of the reference."""
        return self.reference in {"clean", "carried"}

    def __call__(self, view: View) -> Tensor:
        """Return the error of each picture, (B,)."""
        reconstruction, reference = _compared(view, self.reference, self.planes)
        error: Tensor = (reconstruction - reference).square().flatten(1).mean(1)
        return error


@dataclass(frozen=True)
class MsSsim:
    """1 - MS-SSIM of the reconstruction, in [0, 1] (Wang, Simoncelli & Bovik 2003).

    Five scales with the original's weights; the mean over the planes. The first to attack with it
    were Chen & Ma (arXiv 2112.08691).

    Args:
        reference: as of `Distortion`.
        planes: as of `Distortion`.
    """

    needs: ClassVar[Half] = "reconstruction"
    reference: Reference = "source"
    planes: Planes = "rgb"

    @property
    def wants_clean(self) -> bool:
        """Whether C(x) is part of the reference."""
        return self.reference in {"clean", "carried"}

    def __call__(self, view: View) -> Tensor:
        """Return the dissimilarity of each picture, (B,).

        Raises:
            Unsupported: the pictures' short side is below 161 pixels, too small for five scales.
        """
        side = min(view.images.shape[-2:])
        if side < _MS_SSIM_SIDE:
            raise Unsupported(
                f"MS-SSIM needs a short side of at least {_MS_SSIM_SIDE} pixels, this picture has"
                f" {side}"
            )
        pair = _compared(view, self.reference, self.planes)
        similarity: Tensor = pytorch_msssim.ms_ssim(*pair, data_range=1.0, size_average=False)
        return 1 - similarity


@dataclass(frozen=True)
class Rate:
    """Bits per pixel of all streams together."""

    needs: ClassVar[Half] = "rate"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the rate of each picture, (B,)."""
        return bpp(view, given(view.bits))


@dataclass(frozen=True)
class HyperRate:
    """Bits per pixel of the hyper-latent alone, the stream "z" of codecs that have one.

    Wu et al. (arXiv 2405.07717) find that it is the hyperprior through which attacks inflate the
    rate. The bytes of one stream cannot be told from those of the others, so that it is of the
    surrogate only.
    """

    needs: ClassVar[Half] = "rate"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the rate of each picture's hyper-latent, (B,).

        Raises:
            Unsupported: the codec has none, or its bits are not known apart from the others.
        """
        bits = given(view.bits)
        if "z" not in bits:
            raise Unsupported("this codec tells no bits of a hyper-latent z; take the rate instead")
        return bpp(view, {"z": bits["z"]})


@dataclass(frozen=True)
class RateDistortion:
    """The cost J = bpp + lambda 255^2 MSE that learned codecs are trained to make small.

    Args:
        lmbda: weight of the distortion; CompressAI trains its mse qualities 1-8 with .0018
            .0035 .0067 .013 .025 .0483 .0932 .18.
        reference: what the reconstruction is compared with.
    """

    needs: ClassVar[Half] = "both"
    lmbda: Annotated[float, Field(gt=0)] = 0.013
    reference: Reference = "source"

    @property
    def wants_clean(self) -> bool:
        """Whether C(x) is part of the reference."""
        return Distortion(self.reference).wants_clean

    def __call__(self, view: View) -> Tensor:
        """Return the cost of each picture, (B,)."""
        distortion = Distortion(self.reference)(view)
        return bpp(view, given(view.bits)) + self.lmbda * 255**2 * distortion


def bpp(view: View, bits: Mapping[str, Tensor]) -> Tensor:
    """Return the bits of all streams by the pixels of the picture, (B,)."""
    height, width = view.images.shape[-2:]
    totals = [stream.flatten(1).sum(1) for stream in bits.values()]
    total: Tensor = sum(totals[1:], totals[0])
    return total / (height * width)


def _compared(view: View, reference: Reference, planes: Planes) -> tuple[Tensor, Tensor]:
    """Return the reconstruction, clipped as decoders clip, and what it is compared with."""
    pair = given(view.reconstruction).clamp(0, 1), _reference(view, reference)
    return _converted(pair[0], planes), _converted(pair[1], planes)


def _reference(view: View, reference: Reference) -> Tensor:
    if reference == "source":
        return view.source
    if reference == "input":
        return view.images
    clean = given(view.clean).clamp(0, 1)
    return clean if reference == "clean" else clean + view.images - view.source


def _converted(images: Tensor, planes: Planes) -> Tensor:
    if planes == "rgb":
        return images
    red, green, blue = images.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    if planes == "luma":
        return luma.unsqueeze(1)
    return torch.stack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5], 1)
