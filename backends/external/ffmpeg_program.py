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


def find(codec: str, needs: Collection[str]) -> Program:
    """Return the binary that BENCH_FFMPEG names; without BENCH_FFMPEG, imageio-ffmpeg's binary.

    Args:
        codec: the codec's name, for the error message.
        needs: what the binary must have, each as `encoder NAME` or `decoder NAME`.

    Raises:
        ConfigError: the binary cannot be run, or lacks one of them. No other binary is tried.
    """
    path, origin = _path_and_origin()
    program = Program(shutil.which(path) or path)
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


def decode(program: Program, stream: bytes, names: tuple[str, str, str], seconds: float) -> bytes:
    """Return the samples of a bare stream; the decoder fails on errors and conceals none.

    Args:
        program: the binary.
        stream: the bare stream.
        names: ffmpeg's names for the stream format, the decoder and the pixel format.
        seconds: the time limit.

    Raises:
        CodecError: ffmpeg failed or exceeded the time limit.
    """
    reads, decoder, pixels = names
    source: Options = {
        "format": reads,
        "c:v": decoder,
        "err_detect": "crccheck+explode",
        "threads": 1,
    }
    return convert(program, stream, source, {"format": "rawvideo", "pix_fmt": pixels}, seconds)


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
