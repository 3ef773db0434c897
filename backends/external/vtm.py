"""VTM, the reference software of H.266/VVC, which the user builds and names by BENCH_VTM.

    RGB --layout--> planes --EncoderApp--> bare stream --container--> bytes
        <----------        <--DecoderApp, or ffmpeg's vvc decoder---

BENCH_VTM is the folder of VTM's own checkout after its build, or any that has EncoderAppStatic,
DecoderAppStatic and encoder_intra_vtm.cfg. A folder differs from machine to machine and is in no
key; the versions and the hash of the cfg are in the fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, validate_call

from backends.external import ffmpeg_program
from backends.external.base import Coding, External
from backends.external.layout import GBR, YUV420_FULL, YUV444_FULL
from backends.external.program import Program, ProgramError, Scratch, scratch, time_limit
from bench.codec import Image
from bench.errors import CodecError, ConfigError

Colour: TypeAlias = Literal["yuv444", "yuv420", "rgb"]
Decoder: TypeAlias = Literal["vtm", "ffmpeg"]

_CODINGS: Mapping[Colour, Coding] = {
    "yuv444": Coding(name="vtm yuv444", layout=YUV444_FULL),
    "yuv420": Coding(name="vtm yuv420", layout=YUV420_FULL, step=2),
    "rgb": Coding(name="vtm rgb", layout=GBR),
}

_ENCODE_S, _DECODE_S = 900.0, 10.0
"""Seconds a megapixel on one idle core at QP 0, as good as never exceeded."""

_WAY_OUT = (
    "build VTM from https://vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM and set BENCH_VTM to its"
    " folder, or to one with EncoderAppStatic, DecoderAppStatic and encoder_intra_vtm.cfg, or drop"
    " vtm from the suite"
)


@dataclass(frozen=True)
class Installation:
    """The parts of VTM that are used, and what identifies them.

    Attributes:
        encoder: EncoderAppStatic.
        decoder: DecoderAppStatic.
        settings: encoder_intra_vtm.cfg.
        identity: the version of both, and the hash of the settings.
    """

    encoder: Program
    decoder: Program
    settings: Path
    identity: str


class Vtm(External):
    """H.266/VVC as its reference software codes it: one intra picture, 10 bits, slow.

    Y'CbCr has the full range of BT.709, so one QP gives a finer picture than that of `vvc`.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63; six more double the step.
        colour: what is coded: yuv444, yuv420, or rgb as it is.
        decoder: which decoder turns the stream into a picture: VTM's, or ffmpeg's.

    Raises:
        ConfigError: BENCH_VTM does not name a usable VTM; or there is no ffmpeg that decodes VVC.
    """

    @validate_call
    def __init__(
        self,
        qp: Annotated[int, Field(ge=0, le=63)],
        colour: Colour = "yuv444",
        decoder: Decoder = "vtm",
    ) -> None:
        super().__init__(_CODINGS[colour])
        self._qp, self._chroma = qp, 420 if colour == "yuv420" else 444
        self._vtm = find()
        self._ffmpeg = ffmpeg_program.find("vtm", ["decoder vvc"]) if decoder == "ffmpeg" else None

    def fingerprint(self) -> str:
        parts = [f"{self._coding.name} qp={self._qp}", self._vtm.identity]
        if self._ffmpeg is not None:
            parts.append(f"decoded by {ffmpeg_program.version(self._ffmpeg)}")
        return " ".join((*parts, self._coding.layout.identity))

    def _stream(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        samples = self._coding.layout.write(image)
        with scratch(samples) as source, scratch() as target:
            _see_whole(source, len(samples))
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

    def _samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        limit = time_limit(_DECODE_S, *size)
        if self._ffmpeg is not None:
            kind = ("vvc", "vvc", self._coding.layout.pixels)
            return ffmpeg_program.decoded(self._ffmpeg, stream, kind, limit)
        with scratch(stream) as source, scratch() as target:
            arguments = ["-b", source.path, "-o", target.path, "-d", "10"]
            self._vtm.decoder.run(arguments, limit, files=[source, target])
            return target.read()


def availability() -> str | None:
    """Return None where VTM can be used, otherwise why it cannot be and the way out."""
    try:
        find()
    except ConfigError as error:
        return str(error)
    return None


def find() -> Installation:
    """Return the VTM that BENCH_VTM names.

    Raises:
        ConfigError: it names none, a part is missing or cannot be run, or the two programs are
            not of one version.
    """
    if not (named := os.environ.get("BENCH_VTM")):
        raise ConfigError(f"vtm is not on the package index: {_WAY_OUT}")
    folder = Path(named).expanduser()
    try:
        return _installation(
            _part(folder, "bin", ("EncoderAppStatic", "EncoderApp")),
            _part(folder, "bin", ("DecoderAppStatic", "DecoderApp")),
            _part(folder, "cfg", ("encoder_intra_vtm.cfg",)),
        )
    except CodecError as error:
        raise ConfigError(
            f"vtm cannot be used from {named} (BENCH_VTM): {error}; {_WAY_OUT}"
        ) from error


def _part(folder: Path, below: str, names: Sequence[str]) -> Path:
    for path in (place / name for name in names for place in (folder, folder / below)):
        if path.is_file():
            return path.absolute()
    raise CodecError(f"it has no {names[0]}, nor in {below}/")


@cache
def _installation(encoder: Path, decoder: Path, settings: Path) -> Installation:
    programs = Program(str(encoder)), Program(str(decoder))
    found = [
        _version(program, kind)
        for program, kind in zip(programs, ("Encoder", "Decoder"), strict=True)
    ]
    if found[0] != found[1]:
        raise CodecError(f"the encoder is of version {found[0]}, the decoder of {found[1]}")
    digest = hashlib.sha256(settings.read_bytes()).hexdigest()[:12]
    return Installation(*programs, settings, f"VTM {found[0]} cfg {digest}")


def _version(program: Program, kind: str) -> str:
    """Return what it says when asked nothing, which it ends with exit code 1."""
    try:
        said = program.run((), time_limit()).stdout
    except ProgramError as error:
        said = error.output
    found = re.search(rf"VTM {kind} Version (\S+)", said.decode(errors="replace"))
    if found is None:
        raise CodecError(f"{program.name} does not call itself a VTM {kind}")
    return found[1]


def _see_whole(file: Scratch, size: int) -> None:
    """See that the encoder is given a whole picture: with less it would run for ever."""
    found = os.fstat(file.file.fileno()).st_size
    if found != size:
        raise CodecError(f"the encoder's input has {found} bytes, not {size}")
