"""What `bench.codec` asks of a codec, as tests that any codec can be put through.

Each check is a method `test_...` that raises AssertionError in one sentence; nothing here needs
pytest, so other programs can call them too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from bench.codec import Codec, Differentiable, Estimating, Image, Randomised
from bench.container import pack
from bench.errors import CodecError, Unsupported
from bench.tensors import to_tensor
from bench.testing.pictures import PICTURES, SIZES, noise, waves
from bench.testing.slopes import slopes, unrounded


class CodecContract(ABC):
    """One operating point of a codec, checked through the seam alone.

    A picture that the codec calls `Unsupported` is passed over, but `largest` must come through.

    Attributes:
        largest: height and width of the picture that every codec has to code.
        flips: how many single bits of a bitstream are flipped, each a decoding.
        bits_tolerance: largest relative error of `rate` against the bytes without the harness's
            container.
        estimate_tolerance: the same of `estimated_bits`.
        slope_tolerance: largest relative error of a gradient against a difference.
        psnr_floor: what the surrogate's reconstruction and the decoded picture agree to, in dB.
    """

    largest: tuple[int, int] = (64, 80)
    flips: int = 24
    bits_tolerance: float = 0.1
    estimate_tolerance: float = 0.1
    slope_tolerance: float = 0.05
    psnr_floor: float = 40.0

    @abstractmethod
    def codec(self) -> Codec:
        """Return a new object of the operating point under test, the same every time."""

    def others(self) -> Sequence[Codec]:
        """Return operating points that differ from it, each in one parameter."""
        return ()

    def test_every_size_comes_back(self) -> None:
        for size in SIZES:
            self._round_trip("waves", size)

    def test_every_kind_of_picture_comes_back(self) -> None:
        for kind in PICTURES:
            self._round_trip(kind, (33, 17))
        bitstream, _ = self._coded()
        require(len(bitstream) > 0, "the encoder returned no bytes")

    def test_another_object_decodes_the_same_picture(self) -> None:
        """Nothing but the bitstream leads from the encoder to the decoder."""
        bitstream, decoded = self._coded()
        again = self.codec().decode(bytes(bitstream))
        require(np.array_equal(again, decoded), "two decoders of one bitstream differ")

    def test_the_same_picture_gives_the_same_bytes(self) -> None:
        codec = self.codec()
        if isinstance(codec, Randomised):
            return
        bitstream, _ = self._coded()
        require(codec.encode(self._picture()) == bitstream, "two encoders wrote different bytes")
        codec.encode(frozen(noise(*self.largest)))
        same = codec.encode(self._picture()) == bitstream
        require(same, "what was encoded before changes the bytes")

    def test_the_picture_is_left_alone(self) -> None:
        image = waves(*self.largest)
        before = image.copy()
        self.codec().encode(image)
        require(np.array_equal(image, before), "encode changed the picture it was given")

    def test_the_fingerprint_tells_operating_points_apart(self) -> None:
        own = self.codec().fingerprint()
        require(own == self.codec().fingerprint(), "two objects have two fingerprints")
        require(len(own.split()) > 0 and "\n" not in own, f"the fingerprint {own!r} is no line")
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
            self._refused(bitstream[:length], f"the first {length} bytes of {len(bitstream)}")

    def test_flipped_bits_are_refused(self) -> None:
        bitstream, _ = self._coded()
        bits = np.linspace(0, 8 * len(bitstream) - 1, self.flips).astype(int)
        for bit in sorted(set(bits.tolist())):
            damaged = bytearray(bitstream)
            damaged[bit // 8] ^= 1 << bit % 8
            self._refused(bytes(damaged), f"a bitstream whose bit {bit} is flipped")

    def test_foreign_bytes_are_refused(self) -> None:
        bitstream, _ = self._coded()
        rng = np.random.default_rng(7)
        self._refused(rng.bytes(len(bitstream)), "random bytes")
        self._refused(bytes(len(bitstream)), "zeros")
        self._refused(bitstream + b"\0", "a bitstream with a byte behind its end")
        self._refused(pack(b"\0\0\0\0", *self.largest, [bitstream]), "another codec's container")

    def test_the_surrogate_has_both_halves(self) -> None:
        if not isinstance(codec := self.codec(), Differentiable):
            return
        images = torch.cat([to_tensor(self._picture()), to_tensor(noise(*self.largest))])
        reconstruction, bits = codec.reconstruct(images), codec.rate(images)
        both = codec.relaxed(images)
        require(reconstruction.shape == images.shape, f"reconstruct: {reconstruction.shape}")
        require(torch.allclose(both.reconstruction, reconstruction, atol=1e-4), "relaxed differs")
        require(set(both.bits) == set(bits), "relaxed has other streams than rate")
        for name, stream in bits.items():
            require(stream.ndim == 4 and len(stream) == 2, f"bits of '{name}': {stream.shape}")
            require(bool(torch.isfinite(stream).all()), f"bits of '{name}' are not finite")

    def test_gradients_flow_through_both_halves(self) -> None:
        if not isinstance(codec := self.codec(), Differentiable):
            return
        images = to_tensor(self._picture()).requires_grad_(True)
        values = {"reconstruct": codec.reconstruct(images).sum(), "rate": _bits(codec, images)}
        for half, value in values.items():
            (slope,) = torch.autograd.grad(value, images)
            require(bool(torch.isfinite(slope).all()), f"the gradient of {half} is not finite")
            require(bool((slope != 0).any()), f"the gradient of {half} is zero everywhere")

    def test_gradients_are_the_slopes_without_rounding(self) -> None:
        """Along the gradient, against a central difference; rounding is the identity for both."""
        if not isinstance(codec := self.codec(), Differentiable):
            return
        halves: dict[str, Callable[[Tensor], Tensor]] = {
            "reconstruct": lambda images: codec.reconstruct(images).square().double().sum(),
            "rate": lambda images: _bits(codec, images),
        }
        for half, value in halves.items():
            with unrounded():
                analytic, numeric = slopes(value, to_tensor(self._picture()))
            error = abs(analytic - numeric) / abs(analytic)
            sentence = f"the gradient of {half} is {100 * error:.0f} % off its slope"
            require(error <= self.slope_tolerance, sentence)

    def test_the_surrogate_agrees_with_the_codec(self) -> None:
        if not isinstance(codec := self.codec(), Differentiable):
            return
        images = to_tensor(self._picture())
        with torch.no_grad():
            surrogate, bits = codec.reconstruct(images).clamp(0, 1), float(_bits(codec, images))
        bitstream, decoded = self._coded()
        mse = float((surrogate - to_tensor(decoded)).square().mean())
        psnr = -10 * np.log10(max(mse, 1e-12))
        require(psnr >= self.psnr_floor, f"reconstruct agrees with decode to {psnr:.1f} dB only")
        self._near("rate", bits, bitstream, self.bits_tolerance)

    def test_the_estimate_agrees_with_the_bytes(self) -> None:
        if not isinstance(codec := self.codec(), Estimating):
            return
        bitstream, _ = self._coded()
        bits = codec.estimated_bits(self._picture())
        self._near("estimated_bits", bits, bitstream, self.estimate_tolerance)

    def _picture(self) -> Image:
        return frozen(waves(*self.largest))

    def _coded(self) -> tuple[bytes, Image]:
        """Return the largest picture's bitstream and what it decodes to, made once a class."""
        return _coded(type(self))

    def _round_trip(self, kind: str, size: tuple[int, int]) -> None:
        codec, image = self.codec(), frozen(PICTURES[kind](*size))
        try:
            bitstream = codec.encode(image)
        except Unsupported:
            return
        decoded = codec.decode(bitstream)
        require(
            decoded.shape == image.shape and decoded.dtype == np.uint8,
            f"{kind} of uint8 {image.shape} came back as {decoded.dtype} {decoded.shape}",
        )

    def _refused(self, bitstream: bytes, what: str) -> None:
        try:
            self.codec().decode(bitstream)
        except CodecError as error:
            require("\n" not in str(error), f"refusing {what} takes more than one line")
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__} instead of CodecError") from error
        else:
            raise AssertionError(f"{what} decoded to a picture; wrap it in bench.container")

    def _near(self, what: str, bits: float, bitstream: bytes, tolerance: float) -> None:
        real = 8 * (len(bitstream) - self.codec().header_bytes(bitstream))
        error = abs(bits - real) / real
        require(
            error <= tolerance,
            f"{what} is {bits:.0f} bits, the bitstream has {real}: {100 * error:.0f} % off",
        )


@cache
def _coded(contract: type[CodecContract]) -> tuple[bytes, Image]:
    made = contract()
    codec, image = made.codec(), frozen(waves(*made.largest))
    bitstream = codec.encode(image)
    return bitstream, codec.decode(bitstream)


def _bits(codec: Differentiable, images: Tensor) -> Tensor:
    return torch.stack([stream.double().sum() for stream in codec.rate(images).values()]).sum()


def frozen(image: Image) -> Image:
    """Return it as the harness hands it out: read-only."""
    image.setflags(write=False)
    return image


def require(holds: bool, sentence: str) -> None:
    """Raise AssertionError with a sentence where something does not hold."""
    if not holds:
        raise AssertionError(sentence)
