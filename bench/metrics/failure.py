"""What a failure to code a picture counts as: mid-grey at 24 bits per pixel."""

from __future__ import annotations

import numpy as np

from bench.codec import Image
from bench.metric import Recoded

MID_GREY = 128
"""Level of the picture."""

RAW_BPP = 24.0
"""Rate of a picture that is not coded, in bits per pixel."""


def failed_coding(image: Image) -> Recoded:
    """Return what a failure to code a picture, uint8 (H, W, 3), counts as."""
    return Recoded(np.full_like(image, MID_GREY), RAW_BPP)
