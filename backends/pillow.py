"""Codecs that Pillow carries: JPEG, JPEG 2000, WebP, AVIF, and PNG as the lossless `identity`.

    image --Image.save--> the bare file --container--> bytes      PNG has no container

`backends.pillow_formats` holds the constants of each format; the classes here declare the
parameters. A PNG file has checksums of its own. In the other formats a flipped bit may decode to
another picture, so the container adds a checksum.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, validate_call

from backends.pillow_files import Options, read, write
from backends.pillow_formats import AVIF, JPEG, JPEG2000, PNG, WEBP, Format, require
from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, Unsupported

_HEADERS = 200
"""Bytes that suffice for the headers of a JPEG 2000 codestream of one tile and three components."""


class _File(Codec):
    """A codec whose bitstream is the file.

    Args:
        form: the file format.
        options: keyword arguments of `Image.save`.

    Raises:
        ConfigError: this Pillow was built without the format.
    """

    def __init__(self, form: Format, options: Options) -> None:
        require(form)
        self._form, self._options = form, options

    def encode(self, image: Image) -> bytes:
        return self._file(image)

    def decode(self, bitstream: bytes) -> Image:
        return read(self._form, bitstream)

    def fingerprint(self) -> str:
        options = (f"{key}={value}" for key, value in self._options.items())
        return " ".join((self._form.identity, *options))

    def _file(self, image: Image) -> bytes:
        return write(self._form, image, self._options)


class _FileInContainer(_File):
    """A codec whose bitstream is the file in the harness's container."""

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        return pack(self._form.container_id, height, width, [self._file(image)])

    def decode(self, bitstream: bytes) -> Image:
        container = unpack(self._form.container_id, bitstream)
        size = container.height, container.width
        return read(self._form, b"".join(container.sections), size)

    def fingerprint(self) -> str:
        return f"{super().fingerprint()} container"

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)


class Identity(_File):
    """PNG: the lossless reference that other codecs are compared with."""

    def __init__(self) -> None:
        super().__init__(PNG, {"optimize": True, "compress_level": 9})


class Jpeg(_FileInContainer):
    """Baseline JPEG (ITU-T T.81), 4:4:4, optimised Huffman tables.

    Args:
        quality: libjpeg's quality, 1 (smallest files) to 100.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=1, le=100)]) -> None:
        super().__init__(JPEG, {"quality": quality, "subsampling": 0, "optimize": True})

    def _file(self, image: Image) -> bytes:
        """Return the file.

        Pillow's buffer for optimised tables holds 8 bits per pixel, 16 from quality 95. Pictures
        that need more, such as noise, get the default tables.
        """
        try:
            return super()._file(image)
        except CodecError:
            return write(self._form, image, {**self._options, "optimize": False})


class Jpeg2000(_FileInContainer):
    """JPEG 2000 at a fixed rate: a bare codestream, 9/7 wavelet, irreversible colour transform.

    Attacks on the rate have no effect: a picture that is hard to code has more distortion instead
    of more bytes.

    Args:
        ratio: size of the raw picture (3 bytes per pixel) divided by the size of the stream.
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
        """Return the bitstream.

        Raises:
            Unsupported: the headers alone would fill the stream, so OpenJPEG codes no picture.
        """
        if (size := image.size / self._ratio) < _HEADERS:
            raise Unsupported(
                f"JPEG 2000 cannot code {image.shape[1]}x{image.shape[0]} pixels in"
                f" {size:.0f} bytes, its headers alone take nearly {_HEADERS}; lower the ratio of"
                f" {self._ratio:g}"
            )
        return super().encode(image)


class WebP(_FileInContainer):
    """Lossy WebP by libwebp with its slowest method, always 4:2:0 at 8 bits.

    Args:
        quality: libwebp's quality, 0 (smallest files) to 100.
    """

    @validate_call
    def __init__(self, quality: Annotated[int, Field(ge=0, le=100)]) -> None:
        super().__init__(WEBP, {"quality": quality, "method": 6})


class Avif(_FileInContainer):
    """AVIF by libaom, 4:4:4 at 8 bits, tuned for PSNR.

    Args:
        quality: libavif's quality, 0 (smallest files) to 100.
        speed: libavif's speed, 0 (slowest, best compression) to 10.
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
