"""Differences that a viewer sees, by models of the eye (packages of the extra `perceptual`)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from PIL import Image as Pictures

from bench.codec import Image
from bench.metric import Better, check_pair, check_side

if TYPE_CHECKING:
    import numpy.typing as npt

_CVVDP_SIDE = 8
_SSIMULACRA2_SIDE = 225
"""Below it there is no sixth scale of 8 pixels, and the 108 weights would meet other features."""


@dataclass(frozen=True)
class Cvvdp:
    """The quality of ColorVideoVDP in just-objectionable differences (JOD); 10 for identity.

    Mantiuk et al. 2024, https://doi.org/10.1145/3658144, for a still sRGB picture on the package's
    display "standard_4k": 30 inches, 200 cd/m², office light, seen from twice its height. A loss of
    1 JOD means that 75 % of viewers prefer the reference. It computes in float32 with the threads
    of the suite, on the CPU; the same pictures have the same value on the same machine.
    """

    unit: ClassVar[str] = "JOD"
    better: ClassVar[Better] = "higher"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the quality in JOD, at most 10; very bad pictures can be below 0.

        Raises:
            Unsupported: the short side is below 8 pixels.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        check_side("ColorVideoVDP", _CVVDP_SIDE, reference.shape[:2])
        with torch.inference_mode():
            quality, _ = _colour_video_vdp().predict(picture, reference, dim_order="HWC")
        return float(quality)


@dataclass(frozen=True)
class Ssimulacra2:
    """SSIMULACRA2, a similarity of six scales in the colour space XYB; 100 for identity.

    Sneyers 2022, https://github.com/cloudinary/ssimulacra2, in the port of the package ssimulacra2:
    90 is visually lossless, 70 high, 50 medium and 30 low quality. It computes in float64 on one
    thread; the same pictures have the same value on the same machine.
    """

    unit: ClassVar[str] = ""
    better: ClassVar[Better] = "higher"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the similarity, at most 100; very bad pictures are far below 0.

        Raises:
            Unsupported: the short side is below 225 pixels.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        check_side("SSIMULACRA2", _SSIMULACRA2_SIDE, reference.shape[:2])
        from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415 - an extra

        return float(compute_ssimulacra2(_file(reference), _file(picture)))


@dataclass(frozen=True)
class Flip:
    """FLIP, the mean difference that is seen when two pictures alternate in place; 0 for identity.

    Andersson et al. 2020, https://doi.org/10.1145/3406183, for sRGB pictures at 67 pixels per
    degree. It computes in float32; the same pictures have the same value on the same machine.
    """

    unit: ClassVar[str] = ""
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the mean difference, 0 to 1; there is no least size.

        Raises:
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        import flip_evaluator  # noqa: PLC0415 - an extra

        pair = _unit(reference), _unit(picture)
        _, mean, _ = flip_evaluator.evaluate(*pair, "LDR", applyMagma=False)
        return float(mean)


@cache
def _colour_video_vdp() -> Any:  # noqa: ANN401 - the package has no types
    import pycvvdp  # noqa: PLC0415 - an extra

    return pycvvdp.cvvdp(display_name="standard_4k", device=torch.device("cpu"), quiet=True)


def _file(picture: Image) -> io.BytesIO:
    """Return a picture as a PNG file in memory."""
    file = io.BytesIO()
    Pictures.fromarray(picture).save(file, "png")
    return file


def _unit(picture: Image) -> npt.NDArray[np.float32]:
    return picture.astype(np.float32) / 255
