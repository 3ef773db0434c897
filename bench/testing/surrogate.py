"""Conformance tests of surrogates: both halves, gradients, agreement with the bitstream."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bench.codec import Differentiable, Estimating, Tolerant
from bench.tensors import to_tensor
from bench.testing.base import Figure, NotApplicable, Subject, require
from bench.testing.gradient_check import Outputs, Unrounded, slopes
from bench.testing.pictures import noise

_NAMES = {
    "bits": "bits_tolerance",
    "estimate": "estimate_tolerance",
    "slope": "slope_tolerance",
    "psnr": "psnr_floor",
}
"""From the fields of `Tolerances` to the attributes of the contract."""

_ENDING_BITS = 64
"""Bits that a range coder may add to end a string: all of a 64-bit state. They are many for a
picture of 100 bytes."""


class SurrogateContract(Subject):
    """The checks of the surrogate of one operating point. They do not apply without one.

    A `Tolerant` codec states its own tolerances; reports print them with the usual ones.

    Attributes:
        bits_tolerance: largest relative error of `rate` against the bitstream without the
            container.
        estimate_tolerance: the same for `estimated_bits`.
        slope_tolerance: largest relative error of a gradient against a finite difference.
        psnr_floor: smallest PSNR between the surrogate's reconstruction and the decoded picture, in
            dB.
    """

    bits_tolerance: float = 0.1
    estimate_tolerance: float = 0.1
    slope_tolerance: float = 0.05
    psnr_floor: float = 40.0

    def test_the_surrogate_has_both_halves(self) -> None:
        codec = self._differentiable()
        images = torch.cat([to_tensor(self._picture()), to_tensor(noise(*self.largest))])
        reconstruction, bits = codec.reconstruct(images), codec.rate(images)
        both = codec.relaxed(images)
        require(
            reconstruction.shape == images.shape,
            f"reconstruct returns the shape {tuple(reconstruction.shape)}",
        )
        require(
            torch.allclose(both.reconstruction, reconstruction, atol=1e-4),
            "relaxed and reconstruct return different pictures",
        )
        require(set(both.bits) == set(bits), "relaxed and rate return different streams")
        for name, stream in bits.items():
            require(
                stream.ndim == 4 and len(stream) == 2,
                f"bits of '{name}' have the shape {tuple(stream.shape)}",
            )
            require(bool(torch.isfinite(stream).all()), f"bits of '{name}' are not finite")

    def test_gradients_flow_through_both_halves(self) -> None:
        codec = self._differentiable()
        images = to_tensor(self._picture()).requires_grad_(True)
        values = {"reconstruct": codec.reconstruct(images).sum(), "rate": _bits(codec, images)}
        for half, value in values.items():
            (slope,) = torch.autograd.grad(value, images)
            require(bool(torch.isfinite(slope).all()), f"the gradient of {half} is not finite")
            require(bool((slope != 0).any()), f"the gradient of {half} is zero everywhere")

    def test_gradients_agree_with_finite_differences(self) -> None:
        """Along the gradient, against a central difference, with values that are not rounded."""
        codec = self._differentiable()
        halves: dict[str, Outputs] = {
            "reconstruct": lambda images: [codec.reconstruct(images).square()],
            "rate": lambda images: list(codec.rate(images).values()),
        }
        for half, outputs in halves.items():
            with Unrounded():
                measured = slopes(outputs, to_tensor(self._picture()))
            name = f"the gradient of {half}, in {measured.precision}, differs from the slope by"
            self._check_error(name, measured.error, "slope")

    def test_the_surrogate_agrees_with_the_codec(self) -> None:
        codec = self._differentiable()
        images = to_tensor(self._picture())
        with torch.no_grad():
            surrogate, streams = codec.reconstruct(images).clamp(0, 1), codec.rate(images)
        _, decoded = self._coded()
        mse = float((surrogate - to_tensor(decoded)).square().mean())
        psnr, (limit, usual) = -10 * np.log10(max(mse, 1e-12)), self._limits("psnr")
        name = "reconstruct agrees with decode to"
        self._check(Figure(name, psnr, "dB", limit, usual, least=True))
        self._check_bits("rate", float(_total(streams)), "bits", self._strings(len(streams)))

    def test_the_estimate_agrees_with_the_bytes(self) -> None:
        if not isinstance(codec := self.codec(), Estimating):
            raise NotApplicable("the codec does not estimate its bits")
        bits = codec.estimated_bits(self._picture())
        self._check_bits("estimated_bits", bits, "estimate", self._strings(0))

    def _differentiable(self) -> Differentiable:
        if not isinstance(codec := self.codec(), Differentiable):
            raise NotApplicable("the codec has no gradients")
        return codec

    def _strings(self, usual: int) -> int:
        """Return the number of strings that the codec states, or else the usual one."""
        codec = self.codec()
        stated = codec.tolerances.strings if isinstance(codec, Tolerant) else None
        return usual if stated is None else stated

    def _check_bits(self, name: str, bits: float, tolerance: str, strings: int) -> None:
        bitstream, _ = self._coded()
        real = 8 * (len(bitstream) - self.codec().header_bytes(bitstream))
        ending = _ENDING_BITS * strings
        error = max(bits - real, real - bits - ending, 0) / real
        end = f", up to {ending} to end its {strings} strings" if ending else ""
        text = f"{name} is {bits:.0f} bits, the bitstream has {real}{end}; they differ by"
        self._check_error(text, error, tolerance)

    def _check_error(self, name: str, error: float, tolerance: str) -> None:
        limit, usual = self._limits(tolerance)
        self._check(Figure(name, 100 * error, "%", 100 * limit, 100 * usual))

    def _check(self, figure: Figure) -> None:
        require(figure.is_within, str(figure))
        self.measured(figure)

    def _limits(self, tolerance: str) -> tuple[float, float]:
        """Return the limit that applies for a field of `Tolerances`, and the usual one."""
        name, codec = _NAMES[tolerance], self.codec()
        stated = getattr(codec.tolerances, tolerance) if isinstance(codec, Tolerant) else None
        limit = getattr(self, name) if stated is None else stated
        return limit, getattr(SurrogateContract, name)


def _bits(codec: Differentiable, images: Tensor) -> Tensor:
    return _total(codec.rate(images))


def _total(streams: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([stream.double().sum() for stream in streams.values()]).sum()
