"""Pictures to files and back, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from PIL import Image as Pictures

from backends.pillow_formats import Format
from bench.codec import Image
from bench.errors import CodecError, Unsupported
from bench.images import png
from bench.images.completeness import strict_decoding

Options: TypeAlias = Mapping[str, object]
"""Keyword arguments of `Image.save`."""


def write(form: Format, image: Image, options: Options) -> bytes:
    """Return the file of a picture, uint8 (H, W, 3).

    Raises:
        Unsupported: a side is too long for the format.
        CodecError: Pillow cannot write the file.
    """
    height, width = image.shape[:2]
    if max(height, width) > form.largest:
        raise Unsupported(
            f"{form.name} holds at most {form.largest} pixels per side, the picture has"
            f" {width}x{height}; crop the picture"
        )
    file = io.BytesIO()
    try:
        Pictures.fromarray(image).save(file, form.name, **options)
    except (OSError, ValueError) as error:
        raise CodecError(f"Pillow cannot write this {form.name}: {error}") from error
    return file.getvalue()


def read(form: Format, file: bytes, size: tuple[int, int] | None = None) -> Image:
    """Return the picture, uint8 (H, W, 3), that a file holds.

    Args:
        form: the file format.
        file: the bytes.
        size: the expected height and width, in pixels; a file of another size is not decoded.

    Raises:
        CodecError: the file is damaged, cut off, of another format or of another size.
    """
    if not file.endswith(form.end):
        raise CodecError(f"the bitstream is not a complete {form.name} file")
    try:
        with strict_decoding():
            image = _pixels(file, form.name, size)
            complete = form.name != "PNG" or png.has_every_row(file)
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"Pillow cannot read this {form.name}: {_one_line(error)}") from error
    if not complete:
        raise CodecError(f"the data of this {form.name} end before its last row")
    return image


def _pixels(file: bytes, form: str, size: tuple[int, int] | None) -> Image:
    """Verify the format's checksums, then read; after `verify` Pillow needs a new file object."""
    with Pictures.open(io.BytesIO(file), formats=[form]) as picture:
        picture.verify()
    with Pictures.open(io.BytesIO(file), formats=[form]) as picture:
        if picture.mode != "RGB":
            raise CodecError(f"the {form} file holds {picture.mode} instead of 8-bit RGB")
        if size is not None and (picture.height, picture.width) != size:
            raise CodecError(
                f"the {form} file holds a picture of {picture.height}x{picture.width} instead of"
                f" {size[0]}x{size[1]} (height x width)"
            )
        return np.array(picture)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
