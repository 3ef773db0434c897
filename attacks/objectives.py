"""What an attacker can want: distortion, rate, or both as one R-D cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field
from torch import Tensor

from bench.attack import Half, View

Reference: TypeAlias = Literal["source", "clean", "input"]


@dataclass(frozen=True)
class Distortion:
    """Mean squared error of the reconstruction, on [0, 1]; it falls as PSNR rises.

    Args:
        reference: what the reconstruction C(x') is compared with: the source picture x, the
            clean reconstruction C(x) (Chen & Ma 2021; at x its gradient is exactly zero), or
            its own input x'.
    """

    needs: ClassVar[Half] = "reconstruction"
    reference: Reference = "source"

    @property
    def wants_clean(self) -> bool:
        """Whether C(x) is the reference."""
        return self.reference == "clean"

    def __call__(self, view: View) -> Tensor:
        """Return the error of each picture, (B,)."""
        references = {"source": view.source, "clean": view.clean, "input": view.images}
        return _mse(view.reconstruction, references[self.reference])


@dataclass(frozen=True)
class Rate:
    """Bits per pixel of all streams together."""

    needs: ClassVar[Half] = "rate"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the rate of each picture, (B,)."""
        return _bpp(view)


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
        """Whether C(x) is the reference."""
        return self.reference == "clean"

    def __call__(self, view: View) -> Tensor:
        """Return the cost of each picture, (B,)."""
        distortion = Distortion(self.reference)(view)
        return _bpp(view) + self.lmbda * 255**2 * distortion


def _mse(reconstruction: Tensor | None, reference: Tensor | None) -> Tensor:
    if reconstruction is None or reference is None:
        raise ValueError("the target did not give what this objective says it needs")
    error: Tensor = (reconstruction.clamp(0, 1) - reference).square().flatten(1).mean(1)
    return error


def _bpp(view: View) -> Tensor:
    if view.bits is None:
        raise ValueError("the target did not give what this objective says it needs")
    height, width = view.images.shape[-2:]
    totals = [bits.flatten(1).sum(1) for bits in view.bits.values()]
    total: Tensor = sum(totals[1:], totals[0])
    return total / (height * width)
