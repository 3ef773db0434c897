"""The fifteen kinds of common corruptions at five severities, on pictures of any size.

The kinds, their order and their strengths are those of ImageNet-C (Hendrycks & Dietterich 2019,
https://arxiv.org/abs/1903.12261); Kodak-C has the same kinds (Lieberman et al. 2023,
https://arxiv.org/abs/2307.08657). All lengths are in pixels and do not grow with the picture.
Unlike ImageNet-C, which keeps JPEG files, a corrupted picture is rounded to 8 bits and nothing
else is lost. Where a definition differs, the function of the kind says how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, get_args

import numpy as np

from attacks.corruptions import blurs, digital, noises, weather
from attacks.corruptions.filters import Floats, Rng
from bench.codec import Image

Kind: TypeAlias = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
]

Severity: TypeAlias = Literal[1, 2, 3, 4, 5]

KINDS: tuple[Kind, ...] = get_args(Kind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_FUNCTIONS: Mapping[Kind, Callable[[Floats, int, Rng], Floats]] = {
    "gaussian_noise": noises.gaussian_noise,
    "shot_noise": noises.shot_noise,
    "impulse_noise": noises.impulse_noise,
    "defocus_blur": blurs.defocus_blur,
    "glass_blur": blurs.glass_blur,
    "motion_blur": blurs.motion_blur,
    "zoom_blur": blurs.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": weather.brightness,
    "contrast": digital.contrast,
    "elastic_transform": digital.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
}


def corrupted(picture: Image, kind: Kind, severity: Severity, seed: int) -> Image:
    """Return a corrupted picture, uint8 (H, W, 3); any H, W >= 1.

    Args:
        picture: uint8 (H, W, 3).
        kind: the kind of corruption.
        severity: its strength, from 1 to 5.
        seed: seed of its random numbers, from 0 to 2^32 - 1. The same seed gives the same picture
            in every version of NumPy, up to differences of a rounding step.
    """
    rng = np.random.RandomState(seed)
    values = _FUNCTIONS[kind](picture / 255, severity, rng)
    levels: Image = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
    return levels
