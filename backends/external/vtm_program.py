"""The VTM installation that BENCH_VTM names. Imports neither torch nor NumPy.

BENCH_VTM is the folder of VTM's checkout after its build, or any folder with EncoderAppStatic,
DecoderAppStatic and encoder_intra_vtm.cfg. The path differs between machines and is part of no key;
the versions and the hash of the cfg file are part of the fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from backends.external.program import Program, ProgramError, time_limit
from bench.errors import CodecError, ConfigError

_REMEDY = (
    "build VTM from https://vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM and set BENCH_VTM to its"
    " folder, or to one with EncoderAppStatic, DecoderAppStatic and encoder_intra_vtm.cfg, or drop"
    " vtm from the suite"
)


@dataclass(frozen=True)
class Installation:
    """A usable VTM.

    Attributes:
        encoder: EncoderAppStatic.
        decoder: DecoderAppStatic.
        settings: path of encoder_intra_vtm.cfg.
        identity: the version of both programs and the hash of the settings.
    """

    encoder: Program
    decoder: Program
    settings: Path
    identity: str


def is_named() -> bool:
    """Return whether BENCH_VTM is set."""
    return bool(os.environ.get("BENCH_VTM"))


def find() -> Installation:
    """Return the VTM that BENCH_VTM names.

    Raises:
        ConfigError: BENCH_VTM is not set, a part is missing or cannot be run, or the encoder and
            the decoder have different versions.
    """
    if not is_named():
        raise ConfigError(f"vtm is not on the package index: {_REMEDY}")
    named = os.environ["BENCH_VTM"]
    folder = Path(named).expanduser()
    try:
        return _installation(
            _part(folder, "bin", ("EncoderAppStatic", "EncoderApp")),
            _part(folder, "bin", ("DecoderAppStatic", "DecoderApp")),
            _part(folder, "cfg", ("encoder_intra_vtm.cfg",)),
        )
    except CodecError as error:
        raise ConfigError(
            f"vtm cannot be used from {named} (BENCH_VTM): {error}; {_REMEDY}"
        ) from error


def _part(folder: Path, subfolder: str, names: Sequence[str]) -> Path:
    for path in (place / name for name in names for place in (folder, folder / subfolder)):
        if path.is_file():
            return path.absolute()
    raise CodecError(f"it has no {names[0]}, nor in {subfolder}/")


@cache
def _installation(encoder: Path, decoder: Path, settings: Path) -> Installation:
    programs = Program(str(encoder)), Program(str(decoder))
    encoder_version, decoder_version = (
        _version(program, kind)
        for program, kind in zip(programs, ("Encoder", "Decoder"), strict=True)
    )
    if encoder_version != decoder_version:
        raise CodecError(
            f"the encoder is of version {encoder_version}, the decoder of {decoder_version}"
        )
    digest = hashlib.sha256(settings.read_bytes()).hexdigest()[:12]
    return Installation(*programs, settings, f"VTM {encoder_version} cfg {digest}")


def _version(program: Program, kind: str) -> str:
    """Return the version in the program's banner; without arguments VTM exits with code 1."""
    try:
        banner = program.run((), time_limit()).stdout
    except ProgramError as error:
        banner = error.stdout
    match = re.search(rf"VTM {kind} Version (\S+)", banner.decode(errors="replace"))
    if match is None:
        raise CodecError(f"{program.name} does not call itself a VTM {kind}")
    return match[1]
