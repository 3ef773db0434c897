"""Which external codecs can run on this machine. Imports neither torch nor NumPy.

Each function returns None where the codec can run; otherwise it returns a sentence with the reason
and the remedy, which `bench list codecs` shows.
"""

from __future__ import annotations

from collections.abc import Callable

from backends.external import vtm_program
from backends.external.ffmpeg.names import AV1, HEVC, JPEGXL, SVT_AV1, VVC
from bench.errors import ConfigError


def vvc_availability() -> str | None:
    """Check for an ffmpeg with libvvenc and the VVC decoder."""
    return _reason(VVC.find_program)


def hevc_availability() -> str | None:
    """Check for an ffmpeg with libx265 and the HEVC decoder."""
    return _reason(HEVC.find_program)


def av1_availability() -> str | None:
    """Check for an ffmpeg with libaom and dav1d."""
    return _reason(AV1.find_program)


def svt_av1_availability() -> str | None:
    """Check for an ffmpeg with SVT-AV1 and dav1d."""
    return _reason(SVT_AV1.find_program)


def jpegxl_availability() -> str | None:
    """Check for an ffmpeg with libjxl."""
    return _reason(JPEGXL.find_program)


def vtm_availability() -> str | None:
    """Check for the VTM that BENCH_VTM names."""
    return _reason(vtm_program.find)


def h266_availability() -> str | None:
    """Check for VTM where BENCH_VTM is set, and for an ffmpeg that codes VVC elsewhere."""
    return vtm_availability() if vtm_program.is_named() else vvc_availability()


def _reason(find: Callable[[], object]) -> str | None:
    try:
        find()
    except ConfigError as error:
        return str(error)
    return None
