"""A codec behind a command line: ffmpeg's JPEG encoder."""

import subprocess

import imageio_ffmpeg
import numpy as np

from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.errors import CodecError


class Mjpeg(Codec):
    """Motion JPEG, one picture, 4:4:4.

    Args:
        q: the quantiser scale, 1 (finest) to 31.
    """

    def __init__(self, q: int = 4) -> None:
        self._q = q
        self._program = imageio_ffmpeg.get_ffmpeg_exe()

    def encode(self, image: Image) -> bytes:
        height, width, _ = image.shape
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "-"]
        coded = ["-pix_fmt", "yuvj444p", "-q:v", str(self._q), "-f", "mjpeg", "-"]
        return pack(b"mjpg", height, width, [self._run([*raw, *coded], image.tobytes())])

    def decode(self, bitstream: bytes) -> Image:
        container = unpack(b"mjpg", bitstream)
        options = ["-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        raw = self._run(options, b"".join(container.sections))
        if len(raw) != 3 * container.height * container.width:
            size = f"{container.width}x{container.height}"
            raise CodecError(f"ffmpeg wrote {len(raw)} bytes for {size} pixels")
        return np.frombuffer(raw, np.uint8).reshape(container.height, container.width, 3)

    def fingerprint(self) -> str:
        return f"mjpeg q {self._q}, ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}"

    def header_bytes(self, bitstream: bytes) -> int:
        return overhead(len(unpack(b"mjpg", bitstream).sections))

    def _run(self, options: list[str], data: bytes) -> bytes:
        command = [self._program, "-v", "error", "-err_detect", "explode", *options]
        try:
            process = subprocess.run(
                command, input=data, capture_output=True, timeout=60, check=True
            )
        except subprocess.SubprocessError as error:
            raise CodecError(f"ffmpeg failed on a picture: {error}") from error
        return process.stdout
