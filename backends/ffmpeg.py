"""Codecs that ffmpeg carries: H.266/VVC intra pictures by libvvenc and ffmpeg's own decoder.

    RGB --colour--> 10-bit 4:2:0 --ffmpeg, libvvenc--> bare stream --container--> bytes

A `Format` names what a binary must offer for a codec; `convert` runs it and knows no codec. Pixels
go in through stdin and come out through a temporary file: libvvenc prints warnings to stdout.

libvvenc is asked for one plain intra picture of exactly the QP named (by default it would code
three below it and weight by perception), on one thread, with the MD5 of the decoded picture, which
the decoder checks. 4:2:0 bounds what any QP can reach: 41 to 51 dB on the Kodak pictures, 47 at
the mean.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import ffmpeg
import imageio_ffmpeg
import numpy as np
from pydantic import Field, validate_call

from backends import colour
from backends.program import Program, ProgramError
from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, ConfigError, Unsupported

Options: TypeAlias = Mapping[str, str | int]
"""ffmpeg's options without their dashes."""

Preset: TypeAlias = Literal["faster", "fast", "medium", "slow", "slower"]


@dataclass(frozen=True)
class Format:
    """What a binary must offer for one codec.

    Attributes:
        name: the codec's name, also ffmpeg's for its bare stream.
        encoder: ffmpeg's name for the encoder.
        decoder: ffmpeg's name for the decoder.
    """

    name: str
    encoder: str
    decoder: str


VVC = Format("vvc", encoder="libvvenc", decoder="vvc")

_PIXELS: Options = {"format": "rawvideo", "pix_fmt": "yuv420p10le"}

_PLAIN: Options = {
    "frames:v": 1,
    "qpa": 0,
    "g": 1,
    "threads": 1,
    "vvenc-params": "IntraQPOffset=0:MTProfile=0:AccessUnitDelimiter=0"
    ":HrdParametersPresent=0:SEIDecodedPictureHash=1",
}

_CHECKED: Options = {"err_detect": "crccheck+explode", "threads": 1}

_CODEC_ID = hashlib.sha256(f"{VVC.name} colour {colour.VERSION}".encode()).digest()[:4]

_START_S, _PATIENCE = 60.0, 10
"""Time limit: this many seconds, and this many times what an idle core needs for the picture."""

_ENCODE_S: dict[Preset, float]
_ENCODE_S = {"faster": 4, "fast": 15, "medium": 45, "slow": 170, "slower": 510}
_DECODE_S = 1.0
"""Seconds a megapixel on one idle core, measured at QP 0."""

_GAVE_UP = "Generic error in an external library"


class Vvc(Codec):
    """H.266/VVC, one intra picture, Main 10 profile (4:2:0).

    A stream of more than one byte a pixel is Unsupported: ffmpeg gives libvvenc no more room.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63; six more double the step.
        preset: how thoroughly libvvenc searches.
        ffmpeg: the binary; by default that of BENCH_FFMPEG, else imageio-ffmpeg's.

    Raises:
        ConfigError: that binary cannot be run, or has no VVC.
    """

    @validate_call
    def __init__(
        self,
        qp: Annotated[int, Field(ge=0, le=63)],
        preset: Preset = "medium",
        ffmpeg: str | None = None,
    ) -> None:
        self._program = find(VVC, ffmpeg)
        self._seconds = _ENCODE_S[preset]
        self._options: Options = {"c:v": VVC.encoder, "preset": preset, "qp": qp, **_PLAIN}

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        rows, columns = _coded_size(height, width)
        padded = np.pad(image, ((0, rows - height), (0, columns - width), (0, 0)), mode="edge")
        return pack(_CODEC_ID, height, width, [self._stream(padded)])

    def decode(self, bitstream: bytes) -> Image:
        box = unpack(_CODEC_ID, bitstream)
        size = _coded_size(box.height, box.width)
        source = {"format": VVC.name, "c:v": VVC.decoder, **_CHECKED}
        stream, limit = b"".join(box.sections), _time_limit(_DECODE_S, *size)
        raw = convert(self._program, stream, source, _PIXELS, limit)
        if len(raw) != (expected := 3 * size[0] * size[1]):
            raise CodecError(f"{self._program.name} gave {len(raw)} bytes, not {expected}")
        planes = colour.from_bytes(raw, size, colour.half(size))
        return colour.from_420(planes)[: box.height, : box.width]

    def fingerprint(self) -> str:
        options = (f"{key}={value}" for key, value in self._options.items())
        versions = (_version(self._program), _libvvenc_version(self._program))
        return " ".join((VVC.name, *options, *versions, f"colour {colour.VERSION}"))

    def header_bytes(self, bitstream: bytes) -> int:
        del bitstream
        return overhead(1)

    def _stream(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        data = colour.to_bytes(colour.to_420(image))
        source = {**_PIXELS, "s": f"{width}x{height}"}
        sink = {**self._options, "pix_fmt": _PIXELS["pix_fmt"], "format": VVC.name}
        limit = _time_limit(self._seconds, height, width)
        try:
            stream = convert(self._program, data, source, sink, limit)
        except ProgramError as error:
            if _GAVE_UP in error.errors:
                raise Unsupported(
                    f"libvvenc gave up: the stream would exceed the {height * width} bytes that"
                    " ffmpeg gives it, one a pixel; raise the QP"
                ) from error
            raise
        if not stream:
            raise CodecError(f"{self._program.name} wrote no bitstream")
        return stream


def availability() -> str | None:
    """Return None where VVC can be used, otherwise why it cannot be and the way out."""
    try:
        find(VVC, None)
    except ConfigError as error:
        return str(error)
    return None


def find(form: Format, given: str | None) -> Program:
    """Return the binary given, or else BENCH_FFMPEG's, or else imageio-ffmpeg's.

    Raises:
        ConfigError: it cannot be run, or lacks what the format needs; no other one is tried.
    """
    path, origin = _choice(given)
    program = Program(shutil.which(path) or path)
    try:
        lacking = sorted({f"encoder {form.encoder}", f"decoder {form.decoder}"} - _offers(program))
        problem = f"it has no {' and no '.join(lacking)}" if lacking else ""
    except CodecError as error:
        problem = str(error)
    if problem:
        raise ConfigError(
            f"{form.name} cannot be used with {path} (from {origin}): {problem};"
            " pip install 'imageio-ffmpeg>=0.8', set BENCH_FFMPEG to an ffmpeg that has it,"
            f" or drop {form.name} from the suite"
        )
    return program


def convert(program: Program, data: bytes, source: Options, sink: Options, seconds: float) -> bytes:
    """Return what ffmpeg makes of `data` on its stdin, empty if it wrote nothing.

    Raises:
        CodecError: it failed, or was stopped after that many seconds.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        target = Path(folder) / "output"
        target.touch()
        stream = ffmpeg.input("pipe:0", **source).output(str(target), **sink)
        program.run(_arguments(stream, "error"), data, seconds)
        return target.read_bytes()


def _arguments(stream: ffmpeg.nodes.OutputStream, level: str) -> list[str]:
    told = stream.global_args("-hide_banner", "-loglevel", level)
    command: list[str] = told.compile(cmd=[], overwrite_output=True)
    return command


def _choice(given: str | None) -> tuple[str, str]:
    """Return the binary to be used and who named it."""
    if given is not None:
        return given, "the parameter ffmpeg"
    if named := os.environ.get("BENCH_FFMPEG"):
        return named, "BENCH_FFMPEG"
    try:
        return imageio_ffmpeg.get_ffmpeg_exe(), "imageio-ffmpeg"
    except RuntimeError:
        return "ffmpeg", "PATH, as imageio-ffmpeg has none"


@cache
def _offers(program: Program) -> frozenset[str]:
    """Return its encoders and decoders, each as `encoder NAME` or `decoder NAME`."""
    return frozenset(
        f"{kind} {name}"
        for kind in ("encoder", "decoder")
        for name in re.findall(r"^ [A-Z.]{6} (\S+)", _ask(program, f"-{kind}s"), re.MULTILINE)
    )


@cache
def _version(program: Program) -> str:
    return _ask(program, "-version").partition("\n")[0].partition(" Copyright")[0]


@cache
def _libvvenc_version(program: Program) -> str:
    """Return what libvvenc says of itself, which it does only while it encodes."""
    black = colour.to_bytes(colour.to_420(np.zeros((16, 16, 3), np.uint8)))
    pipe = ffmpeg.input("pipe:0", s="16x16", **_PIXELS)
    stream = pipe.output("-", format="null", vcodec=VVC.encoder)
    done = program.run(_arguments(stream, "verbose"), black, _START_S)
    found = re.search(r"libvvenc version: (\S+)", done.stderr.decode(errors="replace"))
    return f"libvvenc {found[1] if found else 'of unknown version'}"


def _ask(program: Program, question: str) -> str:
    done = program.run(("-hide_banner", "-nostdin", question), b"", _START_S)
    return done.stdout.decode(errors="replace")


def _coded_size(height: int, width: int) -> tuple[int, int]:
    """Return what is coded of a picture: even sides of at least 16."""
    return max(16, height + height % 2), max(16, width + width % 2)


def _time_limit(seconds_per_megapixel: float, height: int, width: int) -> float:
    return _START_S + _PATIENCE * seconds_per_megapixel * height * width / 1e6
