"""The folder with the ten networks, which the user names. Imports neither torch nor onnx."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import ConfigError

VARIABLE = "BENCH_JPEG_AI"
"""The environment variable that names the folder. So no record holds a path of one machine."""

FILES = {
    "analysis": "encoder/single_encode_{}.onnx",
    "hyper_analysis": "encoder/hyper_encoder_{}.onnx",
    "means": "decoder/hyper_decoder_{}.onnx",
    "scales": "decoder/hyper_scale_decoder_{}.onnx",
    "synthesis": "decoder/decoder_{}.onnx",
}
"""The files of one component by the role of the network; {} is "y" (luma) or "uv" (chroma)."""


def find() -> Path:
    """Return the folder with all ten files.

    Raises:
        ConfigError: the variable is not set, or a file is missing.
    """
    if not (named := os.environ.get(VARIABLE)):
        raise ConfigError(
            f"set {VARIABLE} to the folder with the networks of JPEG AI Verification Model 3.3,"
            f" which has {FILES['analysis'].format('y')} and nine other ONNX files"
        )
    folder = Path(named)
    for name in (name.format(part) for part in ("y", "uv") for name in FILES.values()):
        if not (folder / name).is_file():
            raise ConfigError(
                f"{VARIABLE} names {folder}, which has no {name}; set it to the folder with the"
                " networks of JPEG AI Verification Model 3.3"
            )
    return folder


def problem() -> str | None:
    """Return why the codec cannot run on this machine and the remedy; None if it can."""
    try:
        find()
    except ConfigError as error:
        return str(error)
    return None
