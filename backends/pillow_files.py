"""The picture files that Pillow writes and reads, each kind known by one `Format`."""

from __future__ import annotations

import hashlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import PIL
from PIL import Image as Pictures
from PIL import ImageFile, features

from bench.codec import Image
from bench.errors import CodecError, ConfigError, Unsupported

Options: TypeAlias = Mapping[str, object]
"""What `Image.save` is told."""


@dataclass(frozen=True)
class Format:
    """All that is known of one kind of file.

    Attributes:
        codec: its codec's name in suites.
        name: its name in Pillow.
        feature: what `PIL.features` calls the library without which Pillow lacks it.
        largest: the longest side that can be written, in pixels.
        versions: names what does the work, each with its version.
        end: the bytes every complete file ends with.
    """

    codec: str
    name: str
    feature: str
    largest: int
    versions: Callable[[], Iterator[str]]
    end: bytes = b""

    @property
    def container_id(self) -> bytes:
        """What tells its streams from others'."""
        return hashlib.sha256(self.codec.encode()).digest()[:4]

    @property
    def identity(self) -> str:
        """What names it and the libraries that write and read it."""
        return " ".join((self.name, f"pillow {PIL.__version__}", *self.versions()))


def _versions(*libraries: str) -> Iterator[str]:
    return (f"{name} {features.version(name)}" for name in libraries)


def _avif_versions() -> Iterator[str]:
    plugin = importlib.import_module("PIL.AvifImagePlugin")
    yield from _versions("avif")
    yield from (f"{name} {plugin.get_codec_version(name)}" for name in ("aom", "dav1d"))


PNG = Format(
    "identity",
    "PNG",
    feature="zlib",
    largest=2**31 - 1,
    versions=partial(_versions, "zlib", "zlib_ng"),
    end=b"\0\0\0\0IEND\xaeB`\x82",
)
JPEG = Format("jpeg", "JPEG", "jpg", 65500, partial(_versions, "jpg", "libjpeg_turbo"))
JPEG2000 = Format("jpeg2000", "JPEG2000", "jpg_2000", 65535, partial(_versions, "jpg_2000"))
WEBP = Format("webp", "WEBP", "webp", 16383, partial(_versions, "webp"))
AVIF = Format("avif", "AVIF", "avif", 65535, _avif_versions)


def require(form: Format) -> None:
    """See that this Pillow has a kind of file.

    Raises:
        ConfigError: it has not.
    """
    if not features.check(form.feature):
        raise ConfigError(
            f"{form.codec} cannot be used: this Pillow ({PIL.__version__}) was built without"
            f" {form.name}; pip install --upgrade pillow, or drop {form.codec} from the suite"
        )


def write(form: Format, image: Image, options: Options) -> bytes:
    """Return the file of a picture.

    Raises:
        Unsupported: a side is too long.
        CodecError: Pillow cannot write it.
    """
    height, width = image.shape[:2]
    if max(height, width) > form.largest:
        raise Unsupported(
            f"{form.name} holds at most {form.largest} pixels a side,"
            f" not {width}x{height}; crop the picture"
        )
    file = io.BytesIO()
    try:
        Pictures.fromarray(image).save(file, form.name, **options)
    except (OSError, ValueError) as error:
        raise CodecError(f"Pillow cannot write this {form.name}: {error}") from error
    return file.getvalue()


def read(form: Format, file: bytes) -> Image:
    """Return the picture that a file of this kind holds.

    Raises:
        CodecError: it is damaged, cut off or of another kind.
    """
    if not file.endswith(form.end):
        raise CodecError(f"the {form.name} file is cut off or is none")
    try:
        with _strictly():
            return _pixels(file, form.name)
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"Pillow cannot read this {form.name}: {_line(error)}") from error


@contextmanager
def _strictly() -> Iterator[None]:
    """Refuse files that end early, whatever the program has set; Pillow refuses absurd sizes."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pictures.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _pixels(file: bytes, form: str) -> Image:
    """Check every checksum the format has, then read; after the check Pillow wants a new start."""
    with Pictures.open(io.BytesIO(file), formats=[form]) as picture:
        picture.verify()
    with Pictures.open(io.BytesIO(file), formats=[form]) as picture:
        if picture.mode != "RGB":
            raise CodecError(f"the {form} file holds {picture.mode}, not 8-bit RGB")
        return np.array(picture)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
