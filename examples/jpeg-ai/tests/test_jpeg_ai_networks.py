"""Tests on the networks of JPEG AI themselves, in the folder that BENCH_JPEG_AI names."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the networks are ONNX files: pip install onnx")

from jpeg_ai_networks import folder
from jpeg_ai_networks.codec import JpegAiNetworks
from skimage import data

from bench.codec import Codec
from bench.testing import CodecContract

pytestmark = pytest.mark.skipif(folder.problem() is not None, reason=str(folder.problem()))


class TestJpegAiNetworks(CodecContract):
    """The conformance tests."""

    def codec(self) -> Codec:
        return JpegAiNetworks()


def test_a_photograph_has_a_low_rate_and_its_colours() -> None:
    """Wrong ranges, matrices or orders of planes cost 3 dB and more."""
    picture, codec = np.ascontiguousarray(data.astronaut()[:256, 128:384]), JpegAiNetworks()
    bitstream = codec.encode(picture)
    errors = codec.decode(bitstream).astype(float) - picture
    assert 8 * len(bitstream) / (256 * 256) < 0.3
    for plane in range(3):
        assert -10 * np.log10((errors[..., plane] ** 2).mean() / 255**2) > 25.5
