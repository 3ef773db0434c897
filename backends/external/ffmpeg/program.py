"""The ffmpeg program: its path, its encoders and decoders, its versions, and one conversion.

This module knows no codec. Pixels go in through stdin and come out through a nameless file, because
some encoders print warnings to stdout.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping
from functools import cache
from typing import TypeAlias

import ffmpeg
import imageio_ffmpeg

from backends.external.program import Program, scratch, time_limit
from bench.errors import CodecError, ConfigError

Options: TypeAlias = Mapping[str, str | int | float]
"""ffmpeg's options without their dashes."""


_PPM: Options = {"format": "image2pipe", "c:v": "ppm"}
_Y4M: Options = {"format": "yuv4mpegpipe", "strict": -1}
"""Formats of pictures that begin with the size; -1 allows 10 bits."""

_CHATTER = ("Svt[info]", "Svt[warn]")
"""Lines that SVT-AV1 prints whatever ffmpeg's log level is."""

_HEADER = re.compile(
    rb"(?:P6\n|YUV4MPEG2 W)(?P<width>\d+) H?(?P<height>\d+)(?:\n255\n|[^\n]*\nFRAME[^\n]*\n)"
)
"""What stands before the samples of the first picture in both."""

_ALIGNMENT = 128
"""ffmpeg's decoders round sides up by less than this when they allocate a picture."""


def find(codec: str, needs: Collection[str]) -> Program:
    """Return the binary that BENCH_FFMPEG names; without BENCH_FFMPEG, imageio-ffmpeg's binary.

    Args:
        codec: the codec's name, for the error message.
        needs: what the binary must have, each as `encoder NAME` or `decoder NAME`.

    Raises:
        ConfigError: the binary cannot be run, or lacks one of them. No other binary is tried.
    """
    path, origin = _path_and_origin()
    program = Program(shutil.which(path) or path, cause=0, chatter=_CHATTER)
    try:
        lacking = sorted(set(needs) - _encoders_and_decoders(program))
        problem = f"it has no {' and no '.join(lacking)}" if lacking else ""
    except CodecError as error:
        problem = str(error)
    if problem:
        raise ConfigError(
            f"{codec} cannot be used with {path} (from {origin}): {problem};"
            " pip install 'imageio-ffmpeg>=0.8', set BENCH_FFMPEG to an ffmpeg that has it,"
            f" or drop {codec} from the suite"
        )
    return program


def convert(program: Program, data: bytes, source: Options, sink: Options, seconds: float) -> bytes:
    """Return ffmpeg's output for `data` on its stdin; empty if ffmpeg writes nothing.

    Args:
        program: the binary.
        data: the input.
        source: input options.
        sink: output options.
        seconds: the time limit.

    Raises:
        CodecError: ffmpeg failed or exceeded the time limit.
    """
    with scratch() as target:
        stream = ffmpeg.input("pipe:0", **source).output(target.path, **sink)
        program.run(_arguments(stream, "error"), seconds, data, [target])
        return target.read()


def decode(
    program: Program,
    stream: bytes,
    names: tuple[str, str, str],
    size: tuple[int, int],
    seconds: float,
) -> bytes:
    """Return the samples of a bare stream; the decoder fails on errors and conceals none.

    ffmpeg writes the size before the samples. A stream that holds a much larger picture, or many
    pictures, is not decoded to its end.

    Args:
        program: the binary.
        stream: the bare stream.
        names: ffmpeg's names for the stream format, the decoder and the pixel format.
        size: the expected height and width, in pixels.
        seconds: the time limit.

    Raises:
        CodecError: ffmpeg failed or exceeded the time limit, or the picture has another size.
    """
    reads, decoder, pixels = names
    source: Options = {
        "format": reads,
        "c:v": decoder,
        "err_detect": "crccheck+explode",
        "threads": 1,
        "max_pixels": (size[0] + _ALIGNMENT) * (size[1] + _ALIGNMENT),
    }
    sink = {"pix_fmt": pixels, "frames:v": 2, **(_PPM if pixels == "rgb24" else _Y4M)}
    written = convert(program, stream, source, sink, seconds)
    header = _HEADER.match(written)
    if header is None:
        raise CodecError(f"{program.name} wrote no picture")
    width, height = (int(side) for side in header.group("width", "height"))
    if (height, width) != size:
        raise CodecError(
            f"the stream holds a picture of {height}x{width} instead of"
            f" {size[0]}x{size[1]} (height x width)"
        )
    return written[header.end() :]


@cache
def version(program: Program) -> str:
    """Return ffmpeg's name and version, from the first line of its version text."""
    return _ask(program, "-version").partition("\n")[0].partition(" Copyright")[0]


@cache
def library_version(program: Program, encoder: str, pixels: str, prefix: str) -> str:
    """Return the version of an encoder's library, which the library logs only while it encodes.

    Args:
        program: the binary.
        encoder: ffmpeg's name for the encoder.
        pixels: a pixel format that the encoder accepts.
        prefix: regular expression for the text before the version.
    """
    pipe = ffmpeg.input("pipe:0", format="rawvideo", pix_fmt=pixels, s="16x16")
    stream = pipe.output("-", format="null", vcodec=encoder, **{"frames:v": 1})
    log = program.run(_arguments(stream, "verbose"), time_limit(), bytes(6 * 16 * 16)).stderr
    match = re.search(prefix + r"(\S+)", log.decode(errors="replace"))
    return f"{encoder} {match[1] if match else 'of unknown version'}"


def _path_and_origin() -> tuple[str, str]:
    """Return the path of the binary and where the path comes from."""
    if path := os.environ.get("BENCH_FFMPEG"):
        return path, "BENCH_FFMPEG"
    try:
        return imageio_ffmpeg.get_ffmpeg_exe(), "imageio-ffmpeg"
    except RuntimeError:
        return "ffmpeg", "PATH, as imageio-ffmpeg has none"


def _arguments(stream: ffmpeg.nodes.OutputStream, level: str) -> list[str]:
    """Return the arguments; without -xerror libjxl's decoder waits forever on a cut-off stream."""
    stream = stream.global_args("-hide_banner", "-xerror", "-loglevel", level)
    arguments: list[str] = stream.compile(cmd=[], overwrite_output=True)
    return arguments


@cache
def _encoders_and_decoders(program: Program) -> frozenset[str]:
    """Return what the binary has, each as `encoder NAME` or `decoder NAME`."""
    return frozenset(
        f"{kind} {name}"
        for kind in ("encoder", "decoder")
        for name in re.findall(r"^ [A-Z.]{6} (\S+)", _ask(program, f"-{kind}s"), re.MULTILINE)
    )


def _ask(program: Program, option: str) -> str:
    process = program.run(("-hide_banner", "-nostdin", option), time_limit())
    return process.stdout.decode(errors="replace")
