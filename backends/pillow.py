"""Codecs that Pillow carries: JPEG, JPEG 2000, WebP, AVIF, and PNG as the lossless `identity`.

    image --Image.save--> the bare file --container--> bytes      PNG without the container

`backends/pillow_files.py` knows what differs; the classes only name parameters. A PNG checks
itself; in the others a flipped bit may decode to another picture, so the container has a checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from pydantic import Field, validate_call

from backends.pillow_files import (
    AVIF,
    JPEG,
    JPEG2000,
    PNG,
    WEBP,
    Format,
    Options,
    read,
    require,
    write,
)
from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, ConfigError, Unsupported

_HEADERS = 200
"""Bytes that suffice for the headers of a JPEG 2000 codestream of one tile and three components."""


class _Bare(Codec):
    """The file alone: a format and what `Image.save` is told about it.

    Raises:
        ConfigError: this Pillow was built without the format.
    """

    def __init__(self, form: Format, options: Options) -> None:
        require(form)
        self._form, self._options = form, options

    def encode(self, image: Image) -> bytes:
        return write(self._form, image, self._options)

    def decode(self, bitstream: bytes) -> Image:
        return read(self._form, bitstream)

    def fingerprint(self) -> str:
        options = (f"{key}={value}" for key, value in self._options.items())
        return " ".join((self._form.identity, *options))


class _Boxed(_Bare):
    """The file in the harness's container."""

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        return pack(self._form.container_id, height, width, [super().encode(image)])

    def decode(self, bitstream: bytes) -> Image:
        box = unpack(self._form.container_id, bitstream)
        image = super().decode(b"".join(box.sections))
        if image.shape[:2] != (box.height, box.width):
            raise CodecError(f"the {self._form.name} file holds a picture of another size")
        return image

    def fingerprint(self) -> str:
        return f"{super().fingerprint()} container"

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)


class Identity(_Bare):
    """PNG: gives back the very picture; the row against which every other codec is read."""

    def __init__(self) -> None:
        super().__init__(PNG, {"optimize": True, "compress_level": 9})


class Jpeg(_Boxed):
    """Baseline JPEG, chroma not subsampled, Huffman tables optimised.

    Args:
        quality: libjpeg's scale, 1 (smallest) to 100.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=1, le=100)]) -> None:
        super().__init__(JPEG, {"quality": quality, "subsampling": 0, "optimize": True})


class Jpeg2000(_Boxed):
    """JPEG 2000, a bare codestream, 9/7 wavelet, colours decorrelated, of a size fixed beforehand.

    An attack on its rate is without effect: what is hard to code comes out worse, not longer.

    Args:
        ratio: how many times smaller than the raw picture, 3 bytes a pixel, the stream has to be.
    """

    @validate_call
    def __init__(self, ratio: Annotated[float, Field(ge=1, le=10000)]) -> None:
        self._ratio = ratio
        options: Options = {
            "quality_mode": "rates",
            "quality_layers": [ratio],
            "irreversible": True,
            "mct": 1,
            "no_jp2": True,
        }
        super().__init__(JPEG2000, options)

    def encode(self, image: Image) -> bytes:
        """Write it; where headers alone fill the size asked for, OpenJPEG codes no picture."""
        if (room := image.size / self._ratio) < _HEADERS:
            raise Unsupported(
                f"JPEG 2000 cannot code {image.shape[1]}x{image.shape[0]} pixels in"
                f" {room:.0f} bytes, its headers alone take nearly {_HEADERS}; lower the ratio of"
                f" {self._ratio:g}"
            )
        return super().encode(image)


class WebP(_Boxed):
    """Lossy WebP, always 4:2:0 at 8 bits, the thorough search.

    Args:
        quality: libwebp's scale, 0 (smallest) to 100.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=0, le=100)]) -> None:
        super().__init__(WEBP, {"quality": quality, "method": 6})


class Avif(_Boxed):
    """AVIF, 4:4:4 at 8 bits, by libaom, tuned for PSNR.

    Args:
        quality: libavif's scale, 0 (smallest) to 100.
        speed: how much of the search libaom leaves out, 0 (nothing) to 10.
    """

    @validate_call
    def __init__(
        self,
        quality: Annotated[int, Field(ge=0, le=100)],
        speed: Annotated[int, Field(ge=0, le=10)] = 6,
    ) -> None:
        options: Options = {
            "quality": quality,
            "speed": speed,
            "subsampling": "4:4:4",
            "codec": "aom",
            "advanced": {"tune": "psnr"},
            "max_threads": 1,
        }
        super().__init__(AVIF, options)


def _availability(form: Format) -> str | None:
    """Return None where a codec can be used, otherwise why it cannot be and the way out."""
    try:
        require(form)
    except ConfigError as error:
        return str(error)
    return None


jpeg2000_availability: Callable[[], str | None] = partial(_availability, JPEG2000)
webp_availability: Callable[[], str | None] = partial(_availability, WEBP)
avif_availability: Callable[[], str | None] = partial(_availability, AVIF)
