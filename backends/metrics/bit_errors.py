"""What is left of a picture if bits of its bitstream are wrong.

bitstream --flips inside the byte strings, checksum made right--> damaged --decode--> picture
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from bench.codec import Image
from bench.container import with_sections_changed
from bench.errors import Unsupported
from bench.metric import Better, Stream
from bench.metrics.scores import psnr

_MID_GREY = 128


@dataclass(frozen=True)
class _Channel:
    """A binary symmetric channel: every bit is wrong with the same probability, by itself.

    The container of the harness arrives intact: codec, picture size and lengths are known, and its
    checksum is made right again. All other bytes can be damaged, the headers of a codec's own file
    format among them. Whole bitstreams without a container can be damaged everywhere.

    Args:
        rate: probability that a bit is wrong.
        repetitions: number of damaged versions of each bitstream.
        seed: seed of the positions, together with the pixels of the source picture.
    """

    version: ClassVar[int] = 1

    rate: Annotated[float, Field(gt=0, le=0.5)] = 1e-4
    repetitions: Annotated[int, Field(ge=1, le=1000)] = 10
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def codings(self) -> float:
        """The decodings, as half a coding each."""
        return self.repetitions / 2

    def received(self, reference: Image, stream: Stream) -> list[Image | None]:
        """Return the picture of each damaged version; None where it cannot be decoded."""
        return [stream.decode(damaged) for damaged in self._damaged(reference, stream.content)]

    def _damaged(self, reference: Image, content: bytes) -> Iterator[bytes]:
        picture = int.from_bytes(hashlib.sha256(reference.tobytes()).digest()[:8], "big")
        for repetition in range(self.repetitions):
            rng = np.random.default_rng((self.seed, picture, repetition))
            yield with_sections_changed(content, partial(self._flipped, rng))

    def _flipped(self, rng: np.random.Generator, content: bytes) -> bytes:
        """Return bytes with wrong bits: their number is binomial, their positions are uniform."""
        count = rng.binomial(8 * len(content), self.rate)
        flipped = np.frombuffer(content, np.uint8).copy()
        for bit in rng.choice(8 * len(content), count, replace=False):
            flipped[bit // 8] ^= 1 << (bit % 8)
        return flipped.tobytes()


@dataclass(frozen=True)
class BitErrors(_Channel):
    """The share of damaged bitstreams that cannot be decoded, in per cent.

    The decoder refuses them, crashes, takes more than 20 seconds and ten times the usual time, or
    gives a picture of another size. A bitstream in which no bit is wrong counts as decoded. The
    channel is that of `_Channel`, the binary symmetric one of information theory (Shannon 1948).
    """

    unit: ClassVar[str] = "%"
    better: ClassVar[Better] = "lower"

    def after_damage(self, reference: Image, stream: Stream) -> float:
        """Return the share, 0 to 100."""
        received = self.received(reference, stream)
        return 100 * sum(picture is None for picture in received) / len(received)


@dataclass(frozen=True)
class BitErrorPsnr(_Channel):
    """The PSNR against x of the damaged bitstreams that can be decoded, mean in dB.

    A picture that the codec could not encode counts as mid-grey. See `BitErrors`.
    """

    unit: ClassVar[str] = "dB"
    better: ClassVar[Better] = "higher"

    def after_damage(self, reference: Image, stream: Stream) -> float:
        """Return the mean PSNR; infinite for a lossless codec where a bitstream is whole.

        Raises:
            Unsupported: no damaged bitstream can be decoded.
        """
        if not stream.content:
            return psnr(reference, np.full_like(reference, _MID_GREY))
        received = self.received(reference, stream)
        decoded = [picture for picture in received if picture is not None]
        if not decoded:
            raise Unsupported(f"none of the {len(received)} damaged bitstreams can be decoded")
        return fmean(psnr(reference, picture) for picture in decoded)
