"""What is known of each codec that ffmpeg carries: one `Format` each, and no code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from backends.ffmpeg_program import Options
from backends.layout import RGB, YUV420, YUV444, Layout


@dataclass(frozen=True)
class Format:
    """All that is known of one codec.

    Attributes:
        name: in suites.
        encoder: ffmpeg's name for the encoder.
        decoder: ffmpeg's name for the decoder.
        writes: ffmpeg's name for the bare stream when it writes it.
        reads: the same when it reads it.
        layout: how the encoder takes the samples.
        decode_s: seconds a megapixel on one idle core at the finest quantiser.
        says: pattern of what the encoder's library says before its version; None if it never does.
        least: the shortest side that is coded.
        step: what sides are multiples of.
        always: options of every operating point.
    """

    name: str
    encoder: str
    decoder: str
    writes: str
    reads: str
    layout: Layout
    decode_s: float
    says: str | None
    least: int = 1
    step: int = 1
    always: Options = field(default_factory=dict, hash=False)

    @property
    def needs(self) -> tuple[str, str]:
        """What a binary must offer."""
        return f"encoder {self.encoder}", f"decoder {self.decoder}"

    @property
    def container_id(self) -> bytes:
        """What tells its streams from others'."""
        return hashlib.sha256(f"{self.name} {self.layout.identity}".encode()).digest()[:4]

    def coded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the sides that are coded of a picture."""
        return self._coded(height), self._coded(width)

    def _coded(self, side: int) -> int:
        return max(self.least, -(-side // self.step) * self.step)


VVC = Format(
    "vvc",
    encoder="libvvenc",
    decoder="vvc",
    writes="vvc",
    reads="vvc",
    layout=YUV420,
    decode_s=1,
    says="libvvenc version: ",
    least=16,
    step=2,
)

HEVC = Format(
    "hevc",
    encoder="libx265",
    decoder="hevc",
    writes="hevc",
    reads="hevc",
    layout=YUV444,
    decode_s=2,
    says="HEVC encoder version ",
    least=16,
)

AV1 = Format(
    "av1",
    encoder="libaom-av1",
    decoder="libdav1d",
    writes="obu",
    reads="obu",
    layout=YUV444,
    decode_s=2,
    says=r"\[libaom-av1 @ \w+\] v",
    always={"usage": "good", "still-picture": 1, "tune": "psnr", "frames:v": 1, "threads": 1},
)

JPEGXL = Format(
    "jpegxl",
    encoder="libjxl",
    decoder="libjxl",
    writes="image2pipe",
    reads="jpegxl_pipe",
    layout=RGB,
    decode_s=3,
    says=None,
    always={"frames:v": 1, "threads": 1},
)
