"""The basic objectives: distortion, rate, and both as one R-D cost.

NIC-RobustBench (arXiv 2506.19051) reports twelve losses. Its published code names eleven: the ten
below, and an experimental loss around a single pixel, which is not offered here.

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
from bench.metric import check_side
from bench.metrics.sides import HAARPSI_SIDE, MS_SSIM_SIDE

Reference: TypeAlias = Literal["source", "clean", "input", "carried"]
PlaneNames: TypeAlias = Literal["rgb", "ycbcr", "luma"]


@dataclass(frozen=True)
class _Comparison:
    """An objective that compares the reconstruction with a reference."""

    needs: ClassVar[Half] = "reconstruction"
    reference: Reference = "source"
    planes: PlaneNames = "rgb"

    @property
    def wants_clean(self) -> bool:
        """Whether the reference contains C(x)."""
        return self.reference in {"clean", "carried"}


@dataclass(frozen=True)
class Distortion(_Comparison):
    """Mean squared error of the reconstruction, for values in [0, 1]; larger means a lower PSNR.

    Args:
        reference: the picture that the reconstruction C(x') is compared with: the source picture x
            ("source"); the clean reconstruction C(x) ("clean", Chen & Ma 2021, arXiv 2112.08691);
            the codec's input x' ("input"); or C(x) + x' - x, the reconstruction of a codec that
            passes the perturbation through unchanged ("carried", arXiv 2506.19051). Against C(x),
            the gradient at x is exactly zero; against the carried one, it is rounding noise.
        planes: the compared planes: red, green and blue; luma and both chroma planes; or luma alone
            (ITU-R BT.601 in full range, as in JPEG files).
    """

    def __call__(self, view: View) -> Tensor:
        """Return the error of each picture, (B,)."""
        reconstruction, reference = _compared(view, self.reference, self.planes)
        error: Tensor = (reconstruction - reference).square().flatten(1).mean(1)
        return error


@dataclass(frozen=True)
class Regenerated:
    """MSE against the source picture of what is decoded after coding twice, for values in [0, 1].

    The picture C(C(x')) is compared with x. Coding again is common, and learned codecs drift (Kim
    et al. 2020, https://doi.org/10.1145/3394171.3413680). The metric `generations` measures longer
    chains.
    """

    needs: ClassVar[Half] = "regenerated"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the error of each picture, (B,)."""
        return (given(view.regenerated) - view.source).square().flatten(1).mean(1)


@dataclass(frozen=True)
class MsSsim(_Comparison):
    """1 - MS-SSIM of the reconstruction, in [0, 1] (Wang, Simoncelli & Bovik 2003).

    MS-SSIM has five scales with the original weights and is averaged over the planes. Chen & Ma
    (arXiv 2112.08691) were the first to attack with it. The gradient is exactly zero where the
    reconstruction equals the reference.

    Args:
        reference: see `Distortion`.
        planes: see `Distortion`.
    """

    version: ClassVar[int] = 2

    def __call__(self, view: View) -> Tensor:
        """Return the dissimilarity of each picture, (B,).

        Raises:
            Unsupported: a side is shorter than 161 pixels, too short for five scales.
        """
        check_side("MS-SSIM", MS_SSIM_SIDE, view.images.shape[-2:])
        pair = _compared(view, self.reference, self.planes)
        similarity: Tensor = pytorch_msssim.ms_ssim(*pair, data_range=1.0, size_average=False)
        return _dissimilarity(similarity, *pair)


@dataclass(frozen=True)
class HaarPsi:
    """1 - HaarPSI of the reconstruction, in [0, 1] (Reisenhofer et al. 2018).

    HaarPSI (doi.org/10.1016/j.image.2017.11.001) is that of the metric of the same name, for red,
    green and blue. The gradient is exactly zero where the reconstruction equals the reference.

    Args:
        reference: see `Distortion`; "carried" is clipped to [0, 1].
    """

    needs: ClassVar[Half] = "reconstruction"
    version: ClassVar[int] = 2
    reference: Reference = "source"

    @property
    def wants_clean(self) -> bool:
        """Whether the reference contains C(x)."""
        return Distortion(self.reference).wants_clean

    def __call__(self, view: View) -> Tensor:
        """Return the dissimilarity of each picture, (B,).

        Raises:
            Unsupported: a side is shorter than 16 pixels, too short for three scales.
        """
        import piq  # noqa: PLC0415 - an extra

        check_side("HaarPSI", HAARPSI_SIDE, view.images.shape[-2:])
        reconstruction, reference = _compared(view, self.reference, "rgb")
        pair = reconstruction, reference.clamp(0, 1)
        similarity: Tensor = piq.haarpsi(*pair, data_range=1.0, reduction="none")
        return _dissimilarity(similarity, *pair)


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

    Wu et al. (arXiv 2405.07717) find that attacks increase the rate through the hyperprior. A
    bitstream does not show which bytes belong to which stream, so this objective exists for the
    surrogate only.
    """

    needs: ClassVar[Half] = "rate"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the rate of each picture's hyper-latent, (B,).

        Raises:
            Unsupported: the codec has no hyper-latent, or does not report its bits separately.
        """
        bits = given(view.bits)
        if "z" not in bits:
            raise Unsupported(
                "this codec reports no bits of a hyper-latent z; use the objective rate instead"
            )
        return bpp(view, {"z": bits["z"]})


@dataclass(frozen=True)
class RateDistortion:
    """The R-D cost J = bpp + lambda 255^2 MSE, which learned codecs are trained to minimise.

    Args:
        lmbda: weight of the distortion; CompressAI trains its mse qualities 1-8 with .0018
            .0035 .0067 .013 .025 .0483 .0932 .18.
        reference: the picture that the reconstruction is compared with; see `Distortion`.
    """

    needs: ClassVar[Half] = "both"
    lmbda: Annotated[float, Field(gt=0)] = 0.013
    reference: Reference = "source"

    @property
    def wants_clean(self) -> bool:
        """Whether the reference contains C(x)."""
        return Distortion(self.reference).wants_clean

    def __call__(self, view: View) -> Tensor:
        """Return the cost of each picture, (B,)."""
        distortion = Distortion(self.reference)(view)
        return bpp(view, given(view.bits)) + self.lmbda * 255**2 * distortion


def bpp(view: View, bits: Mapping[str, Tensor]) -> Tensor:
    """Return the bits of all streams divided by the number of pixels, (B,)."""
    height, width = view.images.shape[-2:]
    totals = [stream.flatten(1).sum(1) for stream in bits.values()]
    total: Tensor = sum(totals[1:], totals[0])
    return total / (height * width)


def _dissimilarity(similarity: Tensor, picture: Tensor, reference: Tensor) -> Tensor:
    """Return 1 - similarity, which is exactly 0 and has no gradient where both pictures are equal.

    There, similarities have a gradient of rounding noise, which a search would take for a slope.
    """
    is_equal = (picture == reference).flatten(1).all(1)
    return (1 - similarity).masked_fill(is_equal, 0.0)


def _compared(view: View, reference: Reference, planes: PlaneNames) -> tuple[Tensor, Tensor]:
    """Return the clipped reconstruction and the reference, both in the compared planes."""
    pair = given(view.reconstruction).clamp(0, 1), _reference(view, reference)
    return _converted(pair[0], planes), _converted(pair[1], planes)


def _reference(view: View, reference: Reference) -> Tensor:
    if reference == "source":
        return view.source
    if reference == "input":
        return view.images
    clean = given(view.clean).clamp(0, 1)
    return clean if reference == "clean" else clean + view.images - view.source


def _converted(images: Tensor, planes: PlaneNames) -> Tensor:
    if planes == "rgb":
        return images
    red, green, blue = images.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    if planes == "luma":
        return luma.unsqueeze(1)
    return torch.stack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5], 1)
