"""Whether a picture file has data for every row: Pillow fills missing rows without an error.

PNG    the decompressed data are shorter than the header demands     bench.images.png
JPEG   an end marker before the last row                             decoded again with more data
TIFF   fewer strips than rows                                        the tiles that Pillow will load
WebP   Pillow refuses it itself
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFile, TiffImagePlugin

from bench.codec import Image
from bench.images import png

_FILLER = bytes(range(1, 255, 2)) * 2
"""Entropy-coded data of some picture; without 0xFF, which begins a marker."""

_WIDTH, _HEIGHT = TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH
_END, _SCAN = 0xD9, 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker after a scan; escaped bytes and restart markers belong to the scan."""


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Refuse files that end early, whatever the program has set; Pillow refuses huge sizes."""
    previous, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = previous


def has_every_row(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Return whether a file that Pillow can decode has data for all rows of its first picture.

    Args:
        image: the file as Pillow has opened and not yet loaded it.
        content: the bytes of the file.
    """
    if image.format == "PNG":
        return png.has_every_row(content)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _has_every_tile(image)
    return image.format == "WEBP" or _has_every_block(content)


def _has_every_tile(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Return whether the tiles that Pillow will load cover the picture, in every plane.

    A compressed file is one tile, and libtiff finds what it lacks. The size in Pillow's attributes
    is that of the upright picture, the tiles are of the stored one.
    """
    width, height = (image.tag_v2[tag] for tag in (_WIDTH, _HEIGHT))
    area = 0
    for tile in image.tile:
        left, top, right, bottom = tile.extents or (0, 0, 0, 0)
        area += (min(right, width) - left) * (min(bottom, height) - top)
    separate = image.tag_v2.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    planes = len(image.getbands()) if separate and image.tile[0].codec_name == "raw" else 1
    return bool(area >= planes * width * height)


def _has_every_block(content: bytes) -> bool:
    """Return whether more data at the end of the last scan of a JPEG file change no pixel.

    libjpeg fills the blocks that a scan lacks, and skips the data that a complete scan has not
    used. A progressive file that lacks whole scans has every row, with less detail.
    """
    scan, end = _last_scan(content)
    longer = content[:end] + _more(content[scan:end]) + content[end:]
    return np.array_equal(_pixels(content), _pixels(longer))


def _last_scan(content: bytes) -> tuple[int, int]:
    """Return the positions of the last scan of a JPEG file and of the end marker after it."""
    scan = end = 2
    while end + 1 < len(content) and (marker := content[end + 1]) != _END:
        end += 2 + int.from_bytes(content[end + 2 : end + 4], "big")
        if marker == _SCAN:
            scan = end
            following = _MARKER.search(content, scan)
            end = len(content) if following is None else following.start()
    return scan, end


def _more(scan: bytes) -> bytes:
    """Return data that continue a scan, with the restart markers that would follow, if any."""
    restarts = re.findall(rb"\xff([\xd0-\xd7])", scan)
    if not restarts:
        return _FILLER
    last = restarts[-1][0] - 0xD0
    markers = (bytes([0xFF, 0xD0 + (last + step) % 8]) for step in range(1, 9))
    return _FILLER + b"".join(marker + _FILLER for marker in markers)


def _pixels(content: bytes) -> Image:
    with Pillow.open(BytesIO(content), formats=["JPEG"]) as image:
        return np.asarray(image)
