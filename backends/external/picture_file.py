"""Picture files that programs read and write, lossless and of 8 bits: PNG, PPM, BMP and TIFF."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFile, TiffImagePlugin

from bench.codec import Image
from bench.errors import CodecError
from bench.images.completeness import has_every_row, strict_decoding

_FORMATS = {"png": "PNG", "ppm": "PPM", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF"}
SUFFIXES = tuple(_FORMATS)
"""The suffixes of picture files, without the dot."""

_CHECKED = ("PNG", "TIFF")
"""The formats whose missing rows Pillow does not report."""

_MODES = ("RGB", "RGBA", "L", "LA", "P", "1")
_PNG_DEPTH = 24
"""Position of the bits per sample in a PNG file."""


def write(image: Image, suffix: str) -> bytes:
    """Return the file of a picture, uint8 (H, W, 3), in the format of a suffix."""
    file = BytesIO()
    Pictures.fromarray(image).save(file, _FORMATS[suffix])
    return file.getvalue()


def read(file: bytes, suffix: str, size: tuple[int, int]) -> Image:
    """Return the picture, uint8 (H, W, 3), of a file. Grey is replicated to RGB.

    Args:
        file: the bytes.
        suffix: names the format.
        size: the expected height and width, in pixels; a file of another size is not decoded.

    Raises:
        CodecError: the file is damaged or of another format or size, or the picture has more than
            8 bits or is transparent.
    """
    form = _FORMATS[suffix]
    try:
        with strict_decoding(), Pictures.open(BytesIO(file), formats=[form]) as picture:
            _check(picture, file, size)
            pixels = np.asarray(picture.convert("RGBA"))
    except CodecError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CodecError(f"the decoded picture cannot be read as {form}: {reason}") from error
    if (pixels[..., 3] < 255).any():
        raise CodecError("the decoded picture is transparent; let the decoder write RGB")
    return np.ascontiguousarray(pixels[..., :3])


def _check(picture: ImageFile.ImageFile, file: bytes, size: tuple[int, int]) -> None:
    """Check an opened file before its pixels are read."""
    if (picture.height, picture.width) != size:
        raise CodecError(
            f"the decoded picture has {picture.height}x{picture.width} instead of"
            f" {size[0]}x{size[1]} (height x width)"
        )
    if picture.mode not in _MODES or _bits(picture, file) > 8:
        raise CodecError(
            f"the decoded picture has {picture.mode} samples of {_bits(picture, file)} bits; let"
            " the decoder write RGB of 8 bits"
        )
    if picture.format in _CHECKED and not has_every_row(picture, file):
        raise CodecError("the data of the decoded picture end before its last row")


def _bits(picture: ImageFile.ImageFile, file: bytes) -> int:
    """Return the bits per sample in a file; Pillow reduces some to 8 without saying so."""
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        return int(max(picture.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))
    return file[_PNG_DEPTH] if picture.format == "PNG" else 8
