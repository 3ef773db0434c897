"""Conversion between 8-bit pictures and the float batches of networks and attacks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.codec import Image


def to_tensor(image: Image) -> Tensor:
    """Convert uint8 (H, W, 3) to float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).unsqueeze(0).float() / 255


def to_image(images: Tensor) -> Image:
    """Clip float (1, 3, H, W) to [0, 1] and round to uint8 (H, W, 3), read-only."""
    levels = (images[0].clamp(0, 1) * 255).round().to(torch.uint8)
    image = np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
    image.setflags(write=False)
    return image
