"""Conformance tests of codecs.

Each check is a method `test_...`. It raises BrokenPromise with one sentence if the codec fails, and
NotApplicable with the reason if the promise does not concern the codec. They do not need pytest, so
other programs can call them. `bench.testing.advice` says what to do about each failure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.codec import Codec, Randomised
from bench.container import pack
from bench.errors import CodecError, Unsupported
from bench.testing.base import BrokenPromise, NotApplicable, encoded, frozen, require
from bench.testing.pictures import PICTURES, SIZES, noise, waves
from bench.testing.surrogate import SurrogateContract


class CodecContract(SurrogateContract):
    """The checks of one operating point of a codec. Derive a test class and define `codec`.

    A picture that the codec does not support (`Unsupported`) is skipped, but the codec must support
    a picture of the size `largest`.

    Attributes:
        flips: the number of bitstreams with one flipped bit that are decoded.
    """

    flips: int = 24

    def others(self) -> Sequence[Codec]:
        """Return operating points that each differ in one parameter; none by default."""
        return ()

    def test_every_size_comes_back(self) -> None:
        for size in SIZES:
            self._round_trip("waves", size)

    def test_every_kind_of_picture_comes_back(self) -> None:
        bitstream, _ = self._coded()
        require(len(bitstream) > 0, "the encoder returned no bytes")
        for kind in PICTURES:
            supported = self._round_trip(kind, (33, 17)) or self._round_trip(kind, self.largest)
            require(supported, f"{kind} of {self.largest} is unsupported")

    def test_another_object_decodes_the_same_picture(self) -> None:
        """A decoder needs nothing but the bitstream."""
        bitstream, decoded = self._coded()
        again = self.codec().decode(bytes(bitstream))
        require(
            np.array_equal(again, decoded),
            "two decoders decoded one bitstream to different pictures",
        )

    def test_the_same_picture_gives_the_same_bytes(self) -> None:
        codec = self.codec()
        if isinstance(codec, Randomised):
            raise NotApplicable("the codec draws random numbers")
        bitstream, _ = self._coded()
        require(
            codec.encode(self._picture()) == bitstream,
            "two encoders wrote different bytes for one picture",
        )
        codec.encode(frozen(noise(*self.largest)))
        same = codec.encode(self._picture()) == bitstream
        require(same, "the bytes depend on the picture that was encoded before")

    def test_the_picture_is_not_modified(self) -> None:
        image = waves(*self.largest)
        before = image.copy()
        self.codec().encode(image)
        require(np.array_equal(image, before), "encode modified its input picture")

    def test_operating_points_have_different_fingerprints(self) -> None:
        own = self.codec().fingerprint()
        require(
            own == self.codec().fingerprint(),
            "two objects of one operating point have different fingerprints",
        )
        require(
            len(own.split()) > 0 and "\n" not in own,
            f"the fingerprint {own!r} is not one line of text",
        )
        for other in self.others():
            distinct = other.fingerprint() != own
            require(distinct, f"another operating point has the same fingerprint, {own!r}")

    def test_the_header_is_part_of_the_bitstream(self) -> None:
        bitstream, _ = self._coded()
        header = self.codec().header_bytes(bitstream)
        require(
            0 <= header < len(bitstream),
            f"{header} bytes of header in a bitstream of {len(bitstream)}",
        )

    def test_cut_off_bitstreams_are_refused(self) -> None:
        bitstream, _ = self._coded()
        for length in sorted({0, 1, 4, len(bitstream) // 2, len(bitstream) - 1}):
            self._check_refused(bitstream[:length], f"the first {length} bytes of {len(bitstream)}")

    def test_flipped_bits_are_refused(self) -> None:
        bitstream, _ = self._coded()
        bits = np.linspace(0, 8 * len(bitstream) - 1, self.flips).astype(int)
        for bit in sorted(set(bits.tolist())):
            damaged = bytearray(bitstream)
            damaged[bit // 8] ^= 1 << bit % 8
            self._check_refused(bytes(damaged), f"a bitstream whose bit {bit} is flipped")

    def test_foreign_bytes_are_refused(self) -> None:
        bitstream, _ = self._coded()
        rng = np.random.default_rng(7)
        self._check_refused(rng.bytes(len(bitstream)), "random bytes")
        self._check_refused(bytes(len(bitstream)), "zeros")
        self._check_refused(bitstream + b"\0", "a bitstream with a byte behind its end")
        self._check_refused(
            pack(b"\0\0\0\0", *self.largest, [bitstream]), "another codec's container"
        )

    def _round_trip(self, kind: str, size: tuple[int, int]) -> bool:
        """Check one picture; return whether the codec supports it."""
        codec, image = self.codec(), frozen(PICTURES[kind](*size))
        try:
            bitstream = encoded(codec, image)
        except Unsupported:
            return False
        decoded = codec.decode(bitstream)
        require(
            decoded.shape == image.shape and decoded.dtype == np.uint8,
            f"{kind} of uint8 {image.shape} came back as {decoded.dtype} {decoded.shape}",
        )
        return True

    def _check_refused(self, bitstream: bytes, description: str) -> None:
        try:
            self.codec().decode(bitstream)
        except CodecError as error:
            require("\n" not in str(error), f"the error for {description} has more than one line")
        except Exception as error:
            raise BrokenPromise(
                f"{description}: {type(error).__name__} instead of CodecError"
            ) from error
        else:
            raise BrokenPromise(
                f"{description} decoded to a picture; write bitstreams with bench.container"
            )
