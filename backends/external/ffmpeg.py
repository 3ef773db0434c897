"""Codecs that ffmpeg carries, each coding one picture: VVC, HEVC, AV1, JPEG XL.

    RGB --layout--> samples --ffmpeg, encoder--> bare stream --container--> bytes

`ffmpeg_formats` knows what differs; the classes only name parameters. Every encoder codes one plain
intra picture, on one thread, at one quantiser throughout: perceptual weighting is turned off where
it is on by default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, validate_call

from backends.external.base import External
from backends.external.ffmpeg_formats import AV1, HEVC, JPEGXL, VVC, Format
from backends.external.ffmpeg_program import (
    Options,
    convert,
    decoded,
    find,
    library_version,
    version,
)
from backends.external.program import Program, ProgramError, time_limit
from bench.codec import Image
from bench.errors import CodecError, ConfigError, Unsupported

VvcPreset: TypeAlias = Literal["faster", "fast", "medium", "slow", "slower"]

_VVC_S: Mapping[VvcPreset, float]
_VVC_S = {"faster": 4, "fast": 15, "medium": 45, "slow": 170, "slower": 510}

HevcPreset: TypeAlias = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    "placebo",
]  # fmt: skip

_HEVC_S, _AV1_S, _JPEGXL_S = 70.0, 350.0, 20.0
"""Seconds a megapixel on one core of the slowest preset, on noise at a fine quantiser."""


class _Ffmpeg(External):
    """A format, the options of an operating point, and what encoding takes.

    Raises:
        ConfigError: the binary cannot be run, or lacks the encoder or decoder.
    """

    def __init__(self, form: Format, options: Options, encode_s: float) -> None:
        super().__init__(form)
        self._form, self._encode_s = form, encode_s
        self._program = find(form.name, form.needs)
        self._options: Options = {"c:v": form.encoder, **options, **form.always}

    def fingerprint(self) -> str:
        options = (f"{key}={value}" for key, value in self._options.items())
        versions = (version(self._program), _library(self._program, self._form))
        return " ".join((self._form.name, *options, *versions, self._form.layout.identity))

    def _stream(self, image: Image) -> bytes:
        limit = time_limit(self._encode_s, *image.shape[:2])
        return _encoded(self._program, self._form, self._options, image, limit)

    def _samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        form, limit = self._form, time_limit(self._form.decode_s, *size)
        if not stream.startswith(form.begins):
            raise CodecError(f"this is no {form.name} stream: its first bytes are others")
        kind = (form.reads, form.decoder, form.layout.pixels)
        return decoded(self._program, stream, kind, limit)


class Vvc(_Ffmpeg):
    """H.266/VVC, one intra picture, Main 10 profile (4:2:0), with the MD5 of what it decodes to.

    By default libvvenc would code three below the QP named. 4:2:0 bounds what any QP can reach: 41
    to 51 dB on the Kodak pictures, 47 at the mean. A stream of more than one byte a pixel is
    Unsupported: ffmpeg gives libvvenc no more room.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63; six more double the step.
        preset: how thoroughly libvvenc searches.
        qpa: whether it varies the QP over the picture as the eye would have it.
    """

    @validate_call
    def __init__(
        self,
        qp: Annotated[int, Field(ge=0, le=63)],
        preset: VvcPreset = "medium",
        qpa: bool = False,
    ) -> None:
        options: Options = {
            "preset": preset,
            "qp": qp,
            "frames:v": 1,
            "qpa": int(qpa),
            "g": 1,
            "threads": 1,
            "vvenc-params": "IntraQPOffset=0:MTProfile=0:AccessUnitDelimiter=0"
            ":HrdParametersPresent=0:SEIDecodedPictureHash=1",
        }
        super().__init__(VVC, options, _VVC_S[preset])

    def _stream(self, image: Image) -> bytes:
        try:
            return super()._stream(image)
        except ProgramError as error:
            if "Generic error in an external library" not in error.errors:
                raise
            raise Unsupported(
                "libvvenc gave up: the stream would exceed the"
                f" {image.shape[0] * image.shape[1]} bytes that ffmpeg gives it, one a pixel; raise"
                " the QP"
            ) from error


class Hevc(_Ffmpeg):
    """H.265/HEVC, one intra picture by x265, 10-bit 4:4:4.

    Args:
        qp: the quantisation parameter, 0 (finest) to 51; six more double the step.
        preset: how thoroughly x265 searches.
    """

    @validate_call
    def __init__(self, qp: Annotated[int, Field(ge=0, le=51)], preset: HevcPreset = "slow") -> None:
        options: Options = {
            "preset": preset,
            "tune": "psnr",
            "frames:v": 1,
            "x265-params": f"qp={qp}:keyint=1:ipratio=1:aq-mode=0:info=0:log-level=none:pools=1"
            ":frame-threads=1",
        }
        super().__init__(HEVC, options, _HEVC_S)


class Av1(_Ffmpeg):
    """AV1, one still picture by libaom, 10-bit 4:4:4.

    Args:
        crf: the quantiser, 0 (lossless) to 63.
        speed: how much of the search libaom leaves out, 0 (nothing) to 8.
    """

    @validate_call
    def __init__(
        self,
        crf: Annotated[int, Field(ge=0, le=63)],
        speed: Annotated[int, Field(ge=0, le=8)] = 4,
    ) -> None:
        super().__init__(AV1, {"crf": crf, "cpu-used": speed}, _AV1_S)


class JpegXl(_Ffmpeg):
    """JPEG XL by libjxl, 8-bit RGB, tuned for the eye and not for PSNR.

    Args:
        distance: from the original as Butteraugli sees it, 0 (lossless) to 15; 1 is hardly seen.
        effort: how thoroughly libjxl searches, 1 to 9.
    """

    @validate_call
    def __init__(
        self,
        distance: Annotated[float, Field(ge=0, le=15)],
        effort: Annotated[int, Field(ge=1, le=9)] = 7,
    ) -> None:
        super().__init__(JPEGXL, {"distance": distance, "effort": effort}, _JPEGXL_S)


def _availability(form: Format) -> str | None:
    """Return None where a codec can be used, otherwise why it cannot be and the way out."""
    try:
        find(form.name, form.needs)
    except ConfigError as error:
        return str(error)
    return None


vvc_availability: Callable[[], str | None] = partial(_availability, VVC)
hevc_availability: Callable[[], str | None] = partial(_availability, HEVC)
av1_availability: Callable[[], str | None] = partial(_availability, AV1)
jpegxl_availability: Callable[[], str | None] = partial(_availability, JPEGXL)


def _encoded(program: Program, form: Format, options: Options, image: Image, limit: float) -> bytes:
    height, width = image.shape[:2]
    pixels = form.layout.pixels
    source = {"format": "rawvideo", "pix_fmt": pixels, "s": f"{width}x{height}"}
    sink = {**options, "pix_fmt": pixels, "format": form.writes}
    stream = convert(program, form.layout.write(image), source, sink, limit)
    if not stream:
        raise CodecError(f"{program.name} wrote no bitstream")
    return stream


@cache
def _library(program: Program, form: Format) -> str:
    """Return the version of the encoder's library, or what a small picture becomes in its place."""
    if form.says is not None:
        return library_version(program, form.encoder, form.layout.pixels, form.says)
    ramp = np.arange(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    options: Options = {"c:v": form.encoder, **form.always}
    stream = _encoded(program, form, options, ramp, time_limit())
    return f"{form.encoder} by its work {hashlib.sha256(stream).hexdigest()[:12]}"
