"""ffmpeg's names for the encoder and decoder of each codec. Imports neither torch nor NumPy."""

from __future__ import annotations

from dataclasses import dataclass

from backends.external.ffmpeg import program as ffmpeg_program
from backends.external.program import Program


@dataclass(frozen=True)
class EncoderDecoder:
    """The encoder and the decoder of one codec.

    Attributes:
        codec: the codec's name in suites.
        encoder: ffmpeg's name for the encoder.
        decoder: ffmpeg's name for the decoder.
    """

    codec: str
    encoder: str
    decoder: str

    def find_program(self) -> Program:
        """Return the ffmpeg binary that has both.

        Raises:
            ConfigError: the binary cannot be run, or lacks one of them.
        """
        needs = (f"encoder {self.encoder}", f"decoder {self.decoder}")
        return ffmpeg_program.find(self.codec, needs)


VVC = EncoderDecoder("vvc", "libvvenc", "vvc")
HEVC = EncoderDecoder("hevc", "libx265", "hevc")
AV1 = EncoderDecoder("av1", "libaom-av1", "libdav1d")
SVT_AV1 = EncoderDecoder("svt-av1", "libsvtav1", "libdav1d")
JPEGXL = EncoderDecoder("jpegxl", "libjxl", "libjxl")
