"""The least short sides of pictures that similarities with several scales are defined for."""

from __future__ import annotations

HAARPSI_SIDE = 16
"""Of HaarPSI, in pixels: three scales after halving."""

MS_SSIM_SIDE = 161
"""Of MS-SSIM, in pixels: five scales of SSIM's window."""
