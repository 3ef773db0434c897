"""RGB to 10-bit Y'CbCr and back, implemented here so that no external scaler affects a score.

    RGB uint8 (H, W, 3) <--BT.709, float64--> Y, Cb, Cr uint16 (H, W)      4:4:4
                                              Cb, Cr uint16 (H/2, W/2)     4:2:0
    RGB uint8 (H, W, 3) <--times four-------> G, B, R uint16 (H, W)

The matrix is that of ITU-R BT.709-6 (3.2, 3.3). The levels are its 10-bit limited range (Y 64-940,
Cb and Cr 64-960 around 512) or the full range 0-1023, in which the same quantiser steps are finer
by a sixth. Every 8-bit colour survives 4:4:4 unchanged: rounding the three values moves none of R,
G, B by more than 0.41 of a level. In 4:2:0 a chroma sample lies in the middle of four pixels. It is
their average, and upsampling is Keys' cubic convolution (IEEE TASSP 29(6), 1981, a = -1/2). Only
sums and products of single elements are used, so that the result is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bench.codec import Image

Plane: TypeAlias = npt.NDArray[np.uint16]
"""One component: 10-bit codes 0-1023, uint16 (h, w)."""

Planes: TypeAlias = tuple[Plane, Plane, Plane]
"""Y, Cb, Cr; Cb and Cr have the same shape."""

Shape: TypeAlias = tuple[int, int]

VERSION = 1
"""Increased whenever the conversion in either direction changes."""

_Float: TypeAlias = npt.NDArray[np.float64]

_KR, _KB = 0.2126, 0.0722
_KG = 1 - _KR - _KB
_CB, _CR = 2 * (1 - _KB), 2 * (1 - _KR)


@dataclass(frozen=True)
class Levels:
    """The mapping of Y in [0, 1] and of Cb, Cr in [-1/2, 1/2] to codes.

    Attributes:
        luma: factor and offset of Y.
        chroma: factor and offset of Cb and Cr.
    """

    luma: tuple[float, float]
    chroma: tuple[float, float]


LIMITED = Levels((876.0, 64.0), (896.0, 512.0))
FULL = Levels((1023.0, 0.0), (1023.0, 512.0))

_TAPS = (-0.0234375, 0.2265625, 0.8671875, -0.0703125)
"""Keys' cubic kernel, evaluated a quarter of a sample before the third tap."""


def to_444(image: Image, levels: Levels = LIMITED) -> Planes:
    """Return Y, Cb, Cr, each (H, W), of a picture, uint8 (H, W, 3)."""
    y, cb, cr = _ycbcr(image)
    return _codes(y, levels.luma), _codes(cb, levels.chroma), _codes(cr, levels.chroma)


def from_444(planes: Planes, levels: Levels = LIMITED) -> Image:
    """Return the picture, uint8 (H, W, 3), of three (H, W) planes, clipped to 0-255."""
    y, cb, cr = planes
    chroma = (_values(plane, levels.chroma) for plane in (cb, cr))
    return _rgb(_values(y, levels.luma), *chroma)


def to_420(image: Image, levels: Levels = LIMITED) -> Planes:
    """Return Y (H, W) and Cb, Cr (ceil(H/2), ceil(W/2)) of a picture, uint8 (H, W, 3).

    At an odd height or width the last row or column of the picture counts twice.
    """
    y, cb, cr = _ycbcr(image)
    small_cb, small_cr = (_codes(_halved(plane), levels.chroma) for plane in (cb, cr))
    return _codes(y, levels.luma), small_cb, small_cr


def from_420(planes: Planes, levels: Levels = LIMITED) -> Image:
    """Return the picture, uint8 (H, W, 3), of Y (H, W) and half-size Cb, Cr."""
    y, cb, cr = planes
    height, width = y.shape
    chroma = (_doubled(_values(plane, levels.chroma))[:height, :width] for plane in (cb, cr))
    return _rgb(_values(y, levels.luma), *chroma)


def to_gbr(image: Image) -> Planes:
    """Return G, B, R (H, W) of a picture, uint8 (H, W, 3): its levels times 4."""
    red, green, blue = np.moveaxis(image.astype(np.uint16) << np.uint16(2), -1, 0)
    return green, blue, red


def from_gbr(planes: Planes) -> Image:
    """Return the picture, uint8 (H, W, 3), of G, B, R."""
    green, blue, red = planes
    levels = (np.stack((red, green, blue), axis=-1) + 2) // 4
    return levels.clip(0, 255).astype(np.uint8)


def half(size: Shape) -> Shape:
    """Return the shape of the 4:2:0 chroma planes of a picture of this (height, width)."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def to_bytes(planes: Planes) -> bytes:
    """Return the planes one after the other, 16 bits a sample, little-endian (ffmpeg's p10le)."""
    return b"".join(plane.astype("<u2").tobytes() for plane in planes)


def from_bytes(data: bytes, luma: Shape, chroma: Shape) -> Planes:
    """Return the planes that `to_bytes` wrote.

    Args:
        data: their bytes.
        luma: the shape of Y.
        chroma: the shape of Cb and of Cr.

    Raises:
        ValueError: the number of samples does not match the shapes.
    """
    flat = np.frombuffer(data, "<u2")
    y, cb, cr = np.split(flat, np.cumsum([np.prod(luma), np.prod(chroma)]))
    return y.reshape(luma), cb.reshape(chroma), cr.reshape(chroma)


def _ycbcr(image: Image) -> tuple[_Float, _Float, _Float]:
    """Return Y in [0, 1] and Cb, Cr in [-1/2, 1/2]."""
    red, green, blue = (image[..., channel] / 255 for channel in range(3))
    y = _KR * red + _KG * green + _KB * blue
    return y, (blue - y) / _CB, (red - y) / _CR


def _rgb(y: _Float, cb: _Float, cr: _Float) -> Image:
    red, blue = y + _CR * cr, y + _CB * cb
    green = (y - _KR * red - _KB * blue) / _KG
    levels: _Float = np.rint(np.stack((red, green, blue), axis=-1) * 255)
    return levels.clip(0, 255).astype(np.uint8)


def _codes(values: _Float, scale: tuple[float, float]) -> Plane:
    codes: _Float = np.rint(values * scale[0] + scale[1]).clip(0, 1023)
    return codes.astype(np.uint16)


def _values(codes: Plane, scale: tuple[float, float]) -> _Float:
    return (codes.astype(np.float64) - scale[1]) / scale[0]


def _halved(plane: _Float) -> _Float:
    even = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge")
    rows = even[::2] + even[1::2]
    mean: _Float = (rows[:, ::2] + rows[:, 1::2]) / 4
    return mean


def _doubled(plane: _Float) -> _Float:
    return _doubled_rows(_doubled_rows(plane).T).T


def _doubled_rows(plane: _Float) -> _Float:
    """Return (2h, w): each row yields one row a quarter above it and one a quarter below it."""
    rows = len(plane)
    padded = np.pad(plane, ((2, 2), (0, 0)), mode="edge")
    doubled = np.zeros((2 * rows, plane.shape[1]))
    for index, tap in enumerate(_TAPS):
        doubled[::2] += tap * padded[index : index + rows]
        doubled[1::2] += tap * padded[4 - index : 4 - index + rows]
    return doubled
