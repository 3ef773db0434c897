"""Conformance tests of the example codecs: `pytest examples/plugin-codec`."""

from example_codecs.mjpeg import Mjpeg
from example_codecs.pca import Pca

from bench.codec import Codec
from bench.testing import CodecContract


class TestPca(CodecContract):
    """The learned codec."""

    def codec(self) -> Codec:
        return Pca(step=16)


class TestFinePca(CodecContract):
    """The learned codec with a smaller step."""

    def codec(self) -> Codec:
        return Pca(step=8)


class TestCoarsePca(CodecContract):
    """The learned codec with a larger step."""

    def codec(self) -> Codec:
        return Pca(step=24)


class TestMjpeg(CodecContract):
    """The codec behind a command line."""

    def codec(self) -> Codec:
        return Mjpeg(q=4)
