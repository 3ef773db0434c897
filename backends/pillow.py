"""Codecs that Pillow carries: JPEG, and PNG as the lossless `identity`.

    image --Image.save--> the bare file --Image.open, one format only--> image

The bitstream is the file that any viewer opens, without a container. PNG checks itself; JPEG has
no checksum, so a damaged file that still parses decodes to another picture.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import PIL
from PIL import Image as Pictures
from PIL import ImageFile, features
from pydantic import Field, validate_call

from bench.codec import Codec, Image
from bench.errors import CodecError, Unsupported


@dataclass(frozen=True)
class _Format:
    """What Pillow calls a format, and what holds for all its files.

    Attributes:
        name: its name in Pillow.
        end: the bytes every complete file ends with.
        largest: the longest side that can be written, in pixels.
        libraries: what `PIL.features` calls the libraries that do the work.
    """

    name: str
    end: bytes
    largest: int
    libraries: tuple[str, ...]


_JPEG = _Format("JPEG", b"\xff\xd9", 65500, ("jpg", "libjpeg_turbo"))
_PNG = _Format("PNG", b"\0\0\0\0IEND\xaeB`\x82", 2**31 - 1, ("zlib", "zlib_ng"))


class _PillowCodec(Codec):
    """A format and what `Image.save` is told about it."""

    def __init__(self, form: _Format, options: Mapping[str, int | bool]) -> None:
        self._form, self._options = form, options

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        if max(height, width) > self._form.largest:
            raise Unsupported(
                f"{self._form.name} holds at most {self._form.largest} pixels a side,"
                f" not {width}x{height}; crop the picture"
            )
        file = io.BytesIO()
        try:
            Pictures.fromarray(image).save(file, self._form.name, **self._options)
        except (OSError, ValueError) as error:
            raise CodecError(f"Pillow cannot write this {self._form.name}: {error}") from error
        return file.getvalue()

    def decode(self, bitstream: bytes) -> Image:
        if not bitstream.endswith(self._form.end):
            raise CodecError(f"the {self._form.name} file is cut off or is none")
        try:
            with _strictly():
                return _read(bitstream, self._form.name)
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(
                f"Pillow cannot read this {self._form.name}: {_line(error)}"
            ) from error

    def fingerprint(self) -> str:
        libraries = (f"{name} {features.version(name)}" for name in self._form.libraries)
        options = (f"{key}={value}" for key, value in self._options.items())
        return " ".join((self._form.name, f"pillow {PIL.__version__}", *libraries, *options))


class Jpeg(_PillowCodec):
    """Baseline JPEG, chroma not subsampled, Huffman tables optimised.

    Args:
        quality: libjpeg's scale, 1 (smallest) to 100.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=1, le=100)]) -> None:
        super().__init__(_JPEG, {"quality": quality, "subsampling": 0, "optimize": True})


class Identity(_PillowCodec):
    """PNG: gives back the very picture; the row against which every other codec is read."""

    def __init__(self) -> None:
        super().__init__(_PNG, {"optimize": True, "compress_level": 9})


@contextmanager
def _strictly() -> Iterator[None]:
    """Refuse files that end early and pictures of absurd size, whatever the program has set."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pictures.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _read(bitstream: bytes, form: str) -> Image:
    """Check every checksum the format has, then read; after the check Pillow wants a new start."""
    with Pictures.open(io.BytesIO(bitstream), formats=[form]) as picture:
        picture.verify()
    with Pictures.open(io.BytesIO(bitstream), formats=[form]) as picture:
        if picture.mode != "RGB":
            raise CodecError(f"the {form} file holds {picture.mode}, not 8-bit RGB")
        return np.array(picture)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
