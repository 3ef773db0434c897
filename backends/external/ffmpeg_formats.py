"""What is known of each codec that ffmpeg carries: one `Format` each, and no code."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.external.base import Coding
from backends.external.ffmpeg_program import Options
from backends.external.layout import RGB, YUV420, YUV444


@dataclass(frozen=True, kw_only=True)
class Format(Coding):
    """All that is known of one codec; its name is that of suites.

    Attributes:
        encoder: ffmpeg's name for the encoder.
        decoder: ffmpeg's name for the decoder.
        writes: ffmpeg's name for the bare stream when it writes it.
        reads: the same when it reads it.
        decode_s: seconds a megapixel on one idle core at the finest quantiser.
        says: pattern of what the encoder's library says before its version; None if it never does.
        begins: what a stream may begin with; ffmpeg waits for ever for what could still become one.
        always: options of every operating point.
    """

    encoder: str
    decoder: str
    writes: str
    reads: str
    decode_s: float
    says: str | None
    begins: tuple[bytes, ...] = (b"",)
    always: Options = field(default_factory=dict, hash=False)

    @property
    def needs(self) -> tuple[str, str]:
        """What a binary must offer."""
        return f"encoder {self.encoder}", f"decoder {self.decoder}"


VVC = Format(
    name="vvc",
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
    name="hevc",
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
    name="av1",
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
    name="jpegxl",
    encoder="libjxl",
    decoder="libjxl",
    writes="image2pipe",
    reads="jpegxl_pipe",
    layout=RGB,
    decode_s=3,
    says=None,
    begins=(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    always={"frames:v": 1, "threads": 1},
)
