"""The picture file formats that Pillow reads and writes. Imports neither torch nor NumPy."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import PIL
from PIL import features

from bench.errors import ConfigError


@dataclass(frozen=True)
class Format:
    """The constants of one file format.

    Attributes:
        codec: the codec's name in suites.
        name: Pillow's name for the format.
        feature: the name in `PIL.features` of the library that Pillow needs for the format.
        largest: the longest side that can be written and read again, in pixels.
        versions: yields the libraries that read and write the format, each with its version.
        end: the last bytes of every complete file.
    """

    codec: str
    name: str
    feature: str
    largest: int
    versions: Callable[[], Iterator[str]]
    end: bytes = b""

    @property
    def container_id(self) -> bytes:
        """The four bytes that mark the codec's containers."""
        return hashlib.sha256(self.codec.encode()).digest()[:4]

    @property
    def identity(self) -> str:
        """The format, Pillow's version and the libraries' versions; part of fingerprints."""
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
AVIF = Format("avif", "AVIF", "avif", 32768, _avif_versions)


def require(form: Format) -> None:
    """Check that this Pillow supports a format.

    Raises:
        ConfigError: it does not.
    """
    if not features.check(form.feature):
        raise ConfigError(
            f"{form.codec} cannot be used: this Pillow ({PIL.__version__}) was built without"
            f" {form.name}; pip install --upgrade pillow, or drop {form.codec} from the suite"
        )


def _availability(form: Format) -> str | None:
    """Return None where the codec can run, otherwise the reason and the remedy."""
    try:
        require(form)
    except ConfigError as error:
        return str(error)
    return None


jpeg2000_availability: Callable[[], str | None] = partial(_availability, JPEG2000)
webp_availability: Callable[[], str | None] = partial(_availability, WEBP)
avif_availability: Callable[[], str | None] = partial(_availability, AVIF)
