"""The constants of each codec that ffmpeg carries: one `Format` each.

The limits are those of ffmpeg 9 with its encoders. ffmpeg's VVC decoder takes sides up to 25332,
coded in blocks of 8. x265 demands larger blocks than a narrow picture can have if its long side,
in blocks of 16, exceeds that of level 4.1. libaom divides only large pictures into tiles, and
ffmpeg cannot write a tile of more than 16384 rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.external.base import Coding, Limits
from backends.external.ffmpeg import names
from backends.external.ffmpeg.names import EncoderDecoder
from backends.external.ffmpeg.program import Options
from backends.external.layout import RGB, YUV420, YUV444


@dataclass(frozen=True, kw_only=True)
class Format(Coding):
    """The constants of one codec.

    Attributes:
        programs: the encoder and the decoder.
        writes: ffmpeg's name for the bare stream as an output format.
        reads: ffmpeg's name for the bare stream as an input format.
        decode_s: upper bound of the decoding time on one idle core at the finest quantiser, in
            seconds per megapixel.
        version_prefix: regular expression for the text before the version in the encoder library's
            log; None if the library never logs its version.
        begins: the first bytes of a valid stream; ffmpeg waits forever on a stream that could
            still become one.
        options: encoder options of every operating point.
    """

    programs: EncoderDecoder
    writes: str
    reads: str
    decode_s: float
    version_prefix: str | None
    begins: tuple[bytes, ...] = (b"",)
    options: Options = field(default_factory=dict, hash=False)


VVC = Format(
    name="vvc",
    programs=names.VVC,
    writes="vvc",
    reads="vvc",
    layout=YUV420,
    decode_s=1,
    version_prefix="libvvenc version: ",
    least=16,
    step=2,
    limits=Limits(rows=25328, columns=25328),
)

HEVC = Format(
    name="hevc",
    programs=names.HEVC,
    writes="hevc",
    reads="hevc",
    layout=YUV444,
    decode_s=2,
    version_prefix="HEVC encoder version ",
    least=16,
    limits=Limits(narrow=32, longest=4208),
)

AV1 = Format(
    name="av1",
    programs=names.AV1,
    writes="obu",
    reads="obu",
    layout=YUV444,
    decode_s=2,
    version_prefix=r"\[libaom-av1 @ \w+\] v",
    limits=Limits(rows=16384),
    options={"usage": "good", "still-picture": 1, "tune": "psnr", "frames:v": 1, "threads": 1},
)

SVT_AV1 = Format(
    name="svt-av1",
    programs=names.SVT_AV1,
    writes="obu",
    reads="obu",
    layout=YUV420,
    decode_s=2,
    version_prefix=r"SVT-AV1 Encoder Lib v",
    least=2,
    step=2,
    limits=Limits(rows=8704, columns=16384),
    options={"frames:v": 1, "svtav1-params": "avif=1:tune=1:aq-mode=0:lp=1"},
)

JPEGXL = Format(
    name="jpegxl",
    programs=names.JPEGXL,
    writes="image2pipe",
    reads="jpegxl_pipe",
    layout=RGB,
    decode_s=3,
    version_prefix=None,
    begins=(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    options={"frames:v": 1, "threads": 1},
)
