"""Conformance tests of codecs: all built-in codecs pass; codecs with a fault fail."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from backends.toy import Toy
from bench.codec import Codec, Tolerances
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import entries, instantiate, unavailable
from bench.testing import CodecContract
from bench.testing.base import Figure, NotApplicable

POINTS = {
    "h266": ({"qp": 40}, {"qp": 41}),
    "vvc": ({"qp": 32, "preset": "faster"}, {"qp": 33, "preset": "faster"}),
    "hevc": ({"qp": 32}, {"qp": 32, "preset": "medium"}),
    "av1": ({"crf": 40, "speed": 8}, {"crf": 40, "speed": 7}),
    "svt-av1": ({"crf": 40, "preset": 8}, {"crf": 40, "preset": 9}),
    "jpegxl": ({"distance": 2}, {"distance": 2, "effort": 6}),
    "jpeg": ({"quality": 50}, {"quality": 51}),
    "mozjpeg": ({"quality": 50}, {"quality": 51}),
    "jpeg2000": ({"ratio": 20}, {"ratio": 21}),
    "webp": ({"quality": 50}, {"quality": 51}),
    "avif": ({"quality": 50}, {"quality": 50, "speed": 7}),
    "identity": ({}, None),
    "toy": ({}, {"gain": 2}),
}
LEARNED = {name for name, entry in entries("codec").items() if "architecture" in entry.preset}


@pytest.fixture(autouse=True)
def _without_vtm(monkeypatch):
    """Use ffmpeg for `h266`; tests/backends/external/test_vtm.py tests VTM."""
    monkeypatch.delenv("BENCH_VTM", raising=False)


def _contract(name):
    own, other = POINTS[name]
    reason = unavailable("codec", name)

    class Contract(CodecContract):
        def codec(self):
            return instantiate("codec", ComponentSpec(name, tuple(own.items())))

        def others(self):
            return (
                ()
                if other is None
                else [instantiate("codec", ComponentSpec(name, tuple(other.items())))]
            )

    return pytest.mark.skipif(reason is not None, reason=reason or "")(Contract)


TestH266 = _contract("h266")
TestVvc = _contract("vvc")
TestHevc = _contract("hevc")
TestAv1 = _contract("av1")
TestSvtAv1 = _contract("svt-av1")
TestJpegXl = _contract("jpegxl")
TestJpeg = _contract("jpeg")
TestMozJpeg = _contract("mozjpeg")
TestJpeg2000 = _contract("jpeg2000")
TestWebP = _contract("webp")
TestAvif = _contract("avif")
TestIdentity = _contract("identity")
TestToy = _contract("toy")


class TestLearned(CodecContract):
    estimate_tolerance = (
        0.25  # likelihoods have a minimum, and the latents of a random network have it
    )

    @pytest.fixture(autouse=True)
    def _nets(self, small_codec):
        type(self).small = staticmethod(small_codec)

    def codec(self):
        return self.small("bmshj2018-hyperprior")

    def others(self):
        return [self.small("bmshj2018-hyperprior", 1)]


def test_every_codec_without_weights_or_binaries_is_tested():
    assert set(entries("codec")) - LEARNED - {"vtm", "compressai", "bpda", "command"} == set(POINTS)


class _Broken(Codec):
    """A lossless codec with one fault."""

    count = itertools.count()

    def __init__(self, fault):
        self.fault = fault

    def encode(self, image):
        if self.fault == "changes its input":
            image[0, 0] ^= 1
        body = image.tobytes()
        if self.fault == "draws":
            body += next(self.count).to_bytes(4, "big")
        return pack(b"brok", *image.shape[:2], [body])

    def decode(self, bitstream):
        if self.fault == "crashes":
            return np.frombuffer(bitstream[17:-4], np.uint8).reshape(1, -1, 3)
        box = self._unpacked(bitstream)
        image = np.frombuffer(box.sections[0][: 3 * box.height * box.width], np.uint8)
        image = image.reshape(box.height, box.width, 3)
        return image.astype(float) if self.fault == "gives floats" else image

    def _unpacked(self, bitstream):
        try:
            return unpack(b"brok", bitstream)
        except CodecError:
            if self.fault != "swallows damage":
                raise
            return unpack(b"brok", pack(b"brok", 1, 1, [b"\0\0\0"]))

    def fingerprint(self):
        return f"broken {next(self.count) if self.fault == 'forgets itself' else ''}"

    def header_bytes(self, bitstream):
        return len(bitstream) if self.fault == "is all header" else overhead(1)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("changes its input", "test_the_picture_is_not_modified"),
        ("draws", "test_the_same_picture_gives_the_same_bytes"),
        ("crashes", "test_cut_off_bitstreams_are_refused"),
        ("crashes", "test_every_size_comes_back"),
        ("gives floats", "test_every_kind_of_picture_comes_back"),
        ("swallows damage", "test_flipped_bits_are_refused"),
        ("swallows damage", "test_foreign_bytes_are_refused"),
        ("forgets itself", "test_operating_points_have_different_fingerprints"),
        ("no", "test_operating_points_have_different_fingerprints"),
        ("is all header", "test_the_header_is_part_of_the_bitstream"),
    ],
)
def test_a_codec_with_a_fault_fails(fault, check):
    class Contract(CodecContract):
        def codec(self):
            return _Broken(fault)

        def others(self):
            return [_Broken("no")]

    with pytest.raises((AssertionError, ValueError), match=r"^[^\n]+$"):
        getattr(Contract(), check)()


class _Wrong(Toy):
    """A codec whose surrogate has a fault."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def reconstruct(self, images):
        if self.fault == "dead":
            return images.detach() + 0 * images
        if self.fault == "a slope of its own":
            return images.detach() * 0.7 + images * 0.3
        return images * 0.5 if self.fault == "another picture" else images

    def rate(self, images):
        bits = images * 255 + 1
        return {"y": {"half the bits": bits / 2, "no streams": bits.sum()}.get(self.fault, bits)}

    def estimated_bits(self, image):
        return 2 * super().estimated_bits(image)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("dead", "test_gradients_flow_through_both_halves"),
        ("dead", "test_gradients_agree_with_finite_differences"),
        ("a slope of its own", "test_gradients_agree_with_finite_differences"),
        ("another picture", "test_the_surrogate_agrees_with_the_codec"),
        ("half the bits", "test_the_surrogate_agrees_with_the_codec"),
        ("no streams", "test_the_surrogate_has_both_halves"),
        ("", "test_the_estimate_agrees_with_the_bytes"),
    ],
)
def test_a_surrogate_with_a_fault_fails(fault, check):
    class Contract(CodecContract):
        def codec(self):
            return _Wrong(fault)

    with pytest.raises(AssertionError, match=r"^[^\n]+$"):
        getattr(Contract(), check)()


class _Narrow(Toy):
    """A codec that supports one size, not white, and draws."""

    def encode(self, image):
        if image.shape != (64, 80, 3) or image.min() == 255:
            raise Unsupported("the picture is not 80x64, or white")
        return super().encode(image)

    def draw(self, rng):
        return self


def test_every_kind_of_picture_must_be_supported_in_some_size():
    class Contract(CodecContract):
        def codec(self):
            return _Narrow()

    with pytest.raises(AssertionError, match=r"white of .* is unsupported"):
        Contract().test_every_kind_of_picture_comes_back()


@pytest.mark.parametrize(
    ("codec", "check", "reason"),
    [
        (_Broken("no"), "gradients_agree_with_finite_differences", "the codec has no gradients"),
        (_Broken("no"), "gradients_flow_through_both_halves", "the codec has no gradients"),
        (_Broken("no"), "the_surrogate_has_both_halves", "the codec has no gradients"),
        (_Broken("no"), "the_surrogate_agrees_with_the_codec", "the codec has no gradients"),
        (_Broken("no"), "the_estimate_agrees_with_the_bytes", "does not estimate its bits"),
        (_Narrow(), "the_same_picture_gives_the_same_bytes", "the codec draws random numbers"),
    ],
)
def test_a_promise_that_does_not_apply_is_skipped_with_the_reason(codec, check, reason):
    class Contract(CodecContract):
        def codec(self):
            return codec

    with pytest.raises(NotApplicable, match=reason):
        getattr(Contract(), f"test_{check}")()


@pytest.mark.parametrize(
    ("value", "limit", "least", "within", "near"),
    [
        (7.9, 10, False, True, False),
        (8.1, 10, False, True, True),
        (10, 10, False, True, True),
        (10.1, 10, False, False, False),
        (41, 40, True, True, False),
        (40.9, 40, True, True, True),
        (39.9, 40, True, False, False),
        (float("nan"), 10, False, False, False),
    ],
)
def test_a_value_near_its_limit_is_known(value, limit, least, within, near):
    figure = Figure("it differs by", value, "%", limit, limit, least)
    assert (figure.is_within, figure.is_near) == (within, near)


class _Single(Toy):
    """A surrogate with float32 weights, which rejects float64 pictures."""

    def reconstruct(self, images):
        return torch.einsum("bchw,cd->bdhw", images, torch.eye(3))

    def rate(self, images):
        return {name: bits.float() for name, bits in super().rate(images).items()}


@pytest.mark.parametrize(("codec", "precision"), [(Toy, "float64"), (_Single, "float32")])
def test_gradients_are_checked_in_float64_if_the_surrogate_supports_it(codec, precision):
    figures = []

    class Contract(CodecContract):
        def codec(self):
            return codec()

        def measured(self, figure):
            figures.append(figure)

    Contract().test_gradients_agree_with_finite_differences()
    assert len(figures) == 2
    for figure in figures:
        assert f"in {precision}, differs from the slope by" in figure.name
        assert figure.value < (1e-6 if precision == "float64" else 0.1)


class _Tolerant(_Wrong):
    """A codec that states its own tolerance."""

    tolerances = Tolerances(estimate=1.5)


def test_the_tolerance_that_a_codec_states_is_reported():
    figures = []

    class Contract(CodecContract):
        def codec(self):
            return _Tolerant("half the bits")

        def measured(self, figure):
            figures.append(str(figure))

    Contract().test_the_estimate_agrees_with_the_bytes()
    assert figures == [figures[0]]
    assert figures[0].endswith("they differ by 100 %; at most 150 %, usually 10 %")
    with pytest.raises(AssertionError, match=r"rate is .* differ by 50 %; at most 10 %$"):
        Contract().test_the_surrogate_agrees_with_the_codec()
