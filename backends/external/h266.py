"""H.266/VVC by the configured encoder, both at 4:2:0 and 10 bits.

BENCH_VTM is set --> VTM          it is not --> libvvenc through ffmpeg, preset medium

The fingerprint names the encoder. A QP does not give the same quality in both
(`backends.external.vtm`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from backends.external import vtm_program
from backends.external.base import External
from backends.external.ffmpeg.codecs import Vvc
from backends.external.vtm import Vtm


def h266(qp: Annotated[int, Field(ge=0, le=63)]) -> External:
    """Return the codec of the configured encoder.

    Args:
        qp: the quantisation parameter, 0 (finest) to 63.

    Raises:
        ConfigError: BENCH_VTM names no usable VTM; or BENCH_VTM is not set and no ffmpeg that
            codes VVC is available.
    """
    return Vtm(qp, colour="yuv420") if vtm_program.is_named() else Vvc(qp)
