"""VTM, the reference software of H.266/VVC, which the user builds and names by BENCH_VTM.

RGB --layout--> planes --EncoderApp--> bare stream --container--> bytes
<----------        <--DecoderApp, or ffmpeg's vvc decoder---
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, validate_call

from backends.external import vtm_program
from backends.external.base import Coding, External
from backends.external.ffmpeg import program as ffmpeg_program
from backends.external.ffmpeg.formats import VVC
from backends.external.layout import GBR, YUV420_FULL, YUV444_FULL
from backends.external.program import Scratch, scratch, time_limit
from backends.external.vvc_size import check_size
from bench.codec import Image
from bench.errors import CodecError

Colour: TypeAlias = Literal["yuv444", "yuv420", "rgb"]
Decoder: TypeAlias = Literal["vtm", "ffmpeg"]

_CODINGS: Mapping[Colour, Coding] = {
    "yuv444": Coding(name="vtm yuv444", layout=YUV444_FULL),
    "yuv420": Coding(name="vtm yuv420", layout=YUV420_FULL, step=2),
    "rgb": Coding(name="vtm rgb", layout=GBR),
}

_ENCODE_S, _DECODE_S = 900.0, 10.0
"""Upper bounds of the seconds per megapixel on one idle core at QP 0."""


class Vtm(External):
    """H.266/VVC as its reference software codes it: one intra picture, 10 bits, slow.

    Y'CbCr has the full range of BT.709, so a QP has finer quantiser steps than in `vvc`.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63; an increase of six doubles the step.
        colour: the coded colour space and chroma format: yuv444, yuv420, or unconverted rgb.
        decoder: the decoder of the bitstream: VTM's own ("vtm") or ffmpeg's ("ffmpeg").

    Raises:
        ConfigError: BENCH_VTM names no usable VTM, or no ffmpeg that decodes VVC is available.
    """

    @validate_call
    def __init__(
        self,
        qp: Annotated[int, Field(ge=0, le=63)],
        colour: Colour = "yuv444",
        decoder: Decoder = "vtm",
    ) -> None:
        coding = _CODINGS[colour]
        super().__init__(coding if decoder == "vtm" else replace(coding, limits=VVC.limits))
        self._qp, self._chroma = qp, 420 if colour == "yuv420" else 444
        self._vtm = vtm_program.find()
        self._ffmpeg = ffmpeg_program.find("vtm", ["decoder vvc"]) if decoder == "ffmpeg" else None

    def fingerprint(self) -> str:
        parts = [f"{self._coding.name} qp={self._qp}", self._vtm.identity]
        if self._ffmpeg is not None:
            parts.append(f"decoded by {ffmpeg_program.version(self._ffmpeg)}")
        return " ".join((*parts, self._coding.layout.identity))

    def _encode_samples(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        samples = self._coding.layout.write(image)
        with scratch(samples) as source, scratch() as target:
            _check_size(source, len(samples))
            arguments = [
                *("-i", source.path, "-c", str(self._vtm.settings), "-q", str(self._qp)),
                *("-o", "/dev/null", "-b", target.path, "-wdt", str(width), "-hgt", str(height)),
                *("-fr", "1", "-f", "1", f"--InputChromaFormat={self._chroma}"),
                *("--InputBitDepth=10", "--ConformanceWindowMode=1"),
            ]
            limit = time_limit(_ENCODE_S, height, width)
            self._vtm.encoder.run(arguments, limit, files=[source, target])
            stream = target.read()
        if not stream:
            raise CodecError(f"{self._vtm.encoder.name} wrote no bitstream")
        return stream

    def _decode_samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        limit = time_limit(_DECODE_S, *size)
        if self._ffmpeg is not None:
            names = ("vvc", "vvc", self._coding.layout.pixels)
            return ffmpeg_program.decode(self._ffmpeg, stream, names, size, limit)
        check_size(stream, size)
        with scratch(stream) as source, scratch() as target:
            arguments = ["-b", source.path, "-o", target.path, "-d", "10"]
            self._vtm.decoder.run(arguments, limit, files=[source, target])
            return target.read()


def _check_size(file: Scratch, size: int) -> None:
    """Check that the encoder's input is a whole picture: with less, the encoder never ends."""
    length = os.fstat(file.file.fileno()).st_size
    if length != size:
        raise CodecError(f"the encoder's input has {length} bytes instead of {size}")
