"""The ffmpeg program: which binary, what it offers, what it calls itself, one conversion.

Knows no codec. Pixels go in through stdin and come out through a nameless file: some encoders
print warnings to stdout.
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
    """Return the binary of BENCH_FFMPEG, or else imageio-ffmpeg's.

    Args:
        codec: who asks, for the message.
        needs: each as `encoder NAME` or `decoder NAME`.

    Raises:
        ConfigError: it cannot be run, or lacks what is needed; no other one is tried.
    """
    path, origin = _choice()
    program = Program(shutil.which(path) or path)
    try:
        lacking = sorted(set(needs) - _offers(program))
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
    """Return what ffmpeg makes of `data` on its stdin, empty if it wrote nothing.

    Raises:
        CodecError: it failed, or was stopped after that many seconds.
    """
    with scratch() as target:
        stream = ffmpeg.input("pipe:0", **source).output(target.path, **sink)
        program.run(_arguments(stream, "error"), seconds, data, [target])
        return target.read()


def decoded(program: Program, stream: bytes, kind: tuple[str, str, str], seconds: float) -> bytes:
    """Return the samples of a bare stream; errors that the decoder sees are not mended.

    Args:
        program: the binary.
        stream: what to decode.
        kind: ffmpeg's names for the stream, the decoder and the samples.
        seconds: the time limit.
    """
    reads, decoder, pixels = kind
    source: Options = {
        "format": reads,
        "c:v": decoder,
        "err_detect": "crccheck+explode",
        "threads": 1,
    }
    return convert(program, stream, source, {"format": "rawvideo", "pix_fmt": pixels}, seconds)


@cache
def version(program: Program) -> str:
    """Return the first line of what it says of itself."""
    return _ask(program, "-version").partition("\n")[0].partition(" Copyright")[0]


@cache
def library_version(program: Program, encoder: str, pixels: str, pattern: str) -> str:
    """Return what an encoder's library says of itself, which it does only while it encodes.

    Args:
        program: the binary.
        encoder: ffmpeg's name for it.
        pixels: a format that it accepts.
        pattern: of the words before the version.
    """
    pipe = ffmpeg.input("pipe:0", format="rawvideo", pix_fmt=pixels, s="16x16")
    stream = pipe.output("-", format="null", vcodec=encoder, **{"frames:v": 1})
    said = program.run(_arguments(stream, "verbose"), time_limit(), bytes(6 * 16 * 16)).stderr
    found = re.search(pattern + r"(\S+)", said.decode(errors="replace"))
    return f"{encoder} {found[1] if found else 'of unknown version'}"


def _choice() -> tuple[str, str]:
    """Return the binary to be used and who named it."""
    if named := os.environ.get("BENCH_FFMPEG"):
        return named, "BENCH_FFMPEG"
    try:
        return imageio_ffmpeg.get_ffmpeg_exe(), "imageio-ffmpeg"
    except RuntimeError:
        return "ffmpeg", "PATH, as imageio-ffmpeg has none"


def _arguments(stream: ffmpeg.nodes.OutputStream, level: str) -> list[str]:
    """Return the command; without -xerror libjxl's decoder waits for ever for what was cut off."""
    told = stream.global_args("-hide_banner", "-xerror", "-loglevel", level)
    command: list[str] = told.compile(cmd=[], overwrite_output=True)
    return command


@cache
def _offers(program: Program) -> frozenset[str]:
    """Return its encoders and decoders, each as `encoder NAME` or `decoder NAME`."""
    return frozenset(
        f"{kind} {name}"
        for kind in ("encoder", "decoder")
        for name in re.findall(r"^ [A-Z.]{6} (\S+)", _ask(program, f"-{kind}s"), re.MULTILINE)
    )


def _ask(program: Program, question: str) -> str:
    done = program.run(("-hide_banner", "-nostdin", question), time_limit())
    return done.stdout.decode(errors="replace")
