"""H.266/VVC by whichever encoder is configured, both 4:2:0 and 10 bits.

BENCH_VTM is set --> VTM          it is not --> libvvenc through ffmpeg, preset medium

The fingerprint says which one it was; one QP is not one quality in both (`backends.external.vtm`).
"""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field

from backends.external import ffmpeg, vtm
from backends.external.base import External


def h266(qp: Annotated[int, Field(ge=0, le=63)]) -> External:
    """Return the codec.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63.

    Raises:
        ConfigError: BENCH_VTM does not name a usable VTM; or it is not set, and there is no ffmpeg
            that codes VVC.
    """
    return vtm.Vtm(qp, colour="yuv420") if _has_vtm() else ffmpeg.Vvc(qp)


def availability() -> str | None:
    """Return None where it can be used, otherwise why it cannot be and the way out."""
    return vtm.availability() if _has_vtm() else ffmpeg.vvc_availability()


def _has_vtm() -> bool:
    return bool(os.environ.get("BENCH_VTM"))
