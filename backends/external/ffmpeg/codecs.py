"""Codecs that ffmpeg carries: VVC, HEVC, AV1 by two encoders and JPEG XL, for one picture each.

    RGB --layout--> samples --ffmpeg, encoder--> bare stream --container--> bytes

`formats` holds the constants of each codec; the classes here declare its parameters. Every
encoder codes one intra picture on one thread with one quantiser for the whole picture: perceptual
weighting is turned off where it is on by default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, validate_call

from backends.external.base import External
from backends.external.ffmpeg.formats import AV1, HEVC, JPEGXL, SVT_AV1, VVC, Format
from backends.external.ffmpeg.program import Options, convert, decode, library_version, version
from backends.external.program import Program, ProgramError, time_limit
from bench.codec import Image
from bench.errors import CodecError, Unsupported

VvcPreset: TypeAlias = Literal["faster", "fast", "medium", "slow", "slower"]

_VVC_S: Mapping[VvcPreset, float]
_VVC_S = {"faster": 4, "fast": 15, "medium": 45, "slow": 170, "slower": 510}

HevcPreset: TypeAlias = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    "placebo",
]  # fmt: skip

_HEVC_S, _AV1_S, _SVT_AV1_S, _JPEGXL_S = 70.0, 350.0, 60.0, 20.0
"""Seconds per megapixel on one core, of the slowest preset on noise at a fine quantiser."""


_FARTHEST = 15
"""The largest Butteraugli distance that ffmpeg gives libjxl."""


def _within_ffmpeg(distance: object) -> object:
    """Say whose limit it is where a distance is one that libjxl alone would take."""
    if isinstance(distance, int | float) and distance > _FARTHEST:
        raise ValueError(
            f"ffmpeg gives libjxl a distance of at most {_FARTHEST} (about 0.24 bpp on photographs"
            f" of Kodak), got {distance}; for lower rates take another codec"
        )
    return distance


class _Ffmpeg(External):
    """A codec that ffmpeg carries.

    Args:
        form: the codec's constants.
        options: the encoder options of the operating point.
        encode_s: upper bound of the encoding time, in seconds per megapixel.

    Raises:
        ConfigError: the ffmpeg binary cannot be run, or lacks the encoder or the decoder.
    """

    def __init__(self, form: Format, options: Options, encode_s: float) -> None:
        super().__init__(form)
        self._form, self._encode_s = form, encode_s
        self._program = form.programs.find_program()
        self._options: Options = {"c:v": form.programs.encoder, **options, **form.options}

    def fingerprint(self) -> str:
        options = (f"{key}={value}" for key, value in self._options.items())
        versions = (version(self._program), _library_version(self._program, self._form))
        return " ".join((self._form.name, *options, *versions, self._form.layout.identity))

    def _encode_samples(self, image: Image) -> bytes:
        limit = time_limit(self._encode_s, *image.shape[:2])
        return _encode(self._program, self._form, self._options, image, limit)

    def _decode_samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        form, limit = self._form, time_limit(self._form.decode_s, *size)
        if not stream.startswith(form.begins):
            raise CodecError(f"the bitstream is not a {form.name} stream: its first bytes differ")
        names = (form.reads, form.programs.decoder, form.layout.pixels)
        return decode(self._program, stream, names, size, limit)


class Vvc(_Ffmpeg):
    """H.266/VVC by libvvenc: one intra picture, Main 10 profile (4:2:0).

    The stream holds the MD5 hash of the decoded picture. libvvenc's default QP offset of -3 for
    intra pictures is turned off. 4:2:0 limits the PSNR at any QP: 41 to 51 dB on the Kodak
    pictures, 47 dB on average. A stream of more than one byte per pixel raises Unsupported, because
    ffmpeg gives libvvenc no larger buffer.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63; an increase of six doubles the step.
        preset: libvvenc's trade-off between speed and compression.
        qpa: whether libvvenc adapts the QP within the picture to visual perception.
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

    def _encode_samples(self, image: Image) -> bytes:
        try:
            return super()._encode_samples(image)
        except ProgramError as error:
            if "Generic error in an external library" not in error.stderr:
                raise
            raise Unsupported(
                "libvvenc failed: the stream would exceed ffmpeg's buffer of"
                f" {image.shape[0] * image.shape[1]} bytes, one per pixel; raise the QP"
            ) from error


class Hevc(_Ffmpeg):
    """H.265/HEVC by x265: one intra picture, 10-bit 4:4:4.

    Args:
        qp: the quantisation parameter, 0 (finest) to 51; an increase of six doubles the step.
        preset: x265's trade-off between speed and compression.
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
    """AV1 by libaom: one still picture, 10-bit 4:4:4.

    Args:
        crf: the quantiser, 0 (lossless) to 63.
        speed: libaom's cpu-used, 0 (slowest, best compression) to 8.
    """

    @validate_call
    def __init__(
        self,
        crf: Annotated[int, Field(ge=0, le=63)],
        speed: Annotated[int, Field(ge=0, le=8)] = 4,
    ) -> None:
        super().__init__(AV1, {"crf": crf, "cpu-used": speed}, _AV1_S)


class SvtAv1(_Ffmpeg):
    """AV1 by SVT-AV1: one still picture, 10-bit 4:2:0, which is all that SVT-AV1 codes.

    4:2:0 limits the PSNR as in `Vvc`.

    Args:
        crf: the quantiser, 1 (finest) to 63; ffmpeg takes 0 for "not set".
        preset: 0 (slowest, best compression) to 9; the higher ones code stills as 9 does.
    """

    @validate_call
    def __init__(
        self,
        crf: Annotated[int, Field(ge=1, le=63)],
        preset: Annotated[int, Field(ge=0, le=9)] = 2,
    ) -> None:
        super().__init__(SVT_AV1, {"crf": crf, "preset": preset}, _SVT_AV1_S)


class JpegXl(_Ffmpeg):
    """JPEG XL by libjxl, 8-bit RGB, optimised for visual quality and not for PSNR.

    Args:
        distance: Butteraugli distance to the original, 0 (lossless) to 15; 1 is hardly visible.
            libjxl itself ends at 25, but ffmpeg gives it at most 15, by its quality setting too.
        effort: libjxl's effort, 1 (fastest) to 9 (best compression).
    """

    @validate_call
    def __init__(
        self,
        distance: Annotated[float, Field(ge=0, le=_FARTHEST), BeforeValidator(_within_ffmpeg)],
        effort: Annotated[int, Field(ge=1, le=9)] = 7,
    ) -> None:
        super().__init__(JPEGXL, {"distance": distance, "effort": effort}, _JPEGXL_S)


def _encode(program: Program, form: Format, options: Options, image: Image, limit: float) -> bytes:
    height, width = image.shape[:2]
    pixels = form.layout.pixels
    source = {"format": "rawvideo", "pix_fmt": pixels, "s": f"{width}x{height}"}
    sink = {**options, "pix_fmt": pixels, "format": form.writes}
    stream = convert(program, form.layout.write(image), source, sink, limit)
    if not stream:
        raise CodecError(f"{program.name} wrote no bitstream")
    return stream


@cache
def _library_version(program: Program, form: Format) -> str:
    """Return the version of the encoder's library, or the hash of a test picture's bitstream."""
    encoder = form.programs.encoder
    if form.version_prefix is not None:
        return library_version(program, encoder, form.layout.pixels, form.version_prefix)
    ramp = np.arange(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    options: Options = {"c:v": encoder, **form.options}
    stream = _encode(program, form, options, ramp, time_limit())
    return f"{encoder} by its work {hashlib.sha256(stream).hexdigest()[:12]}"
