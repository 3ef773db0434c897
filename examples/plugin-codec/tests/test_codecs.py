"""The codecs under the contract of codecs: `pytest examples/plugin-codec`."""

from example_codecs.mjpeg import Mjpeg
from example_codecs.pca import Pca

from bench.codec import Codec
from bench.testing import CodecContract


class TestPca(CodecContract):
    """The learned one."""

    def codec(self) -> Codec:
        return Pca(step=16)


class TestFinePca(CodecContract):
    """With a smaller step."""

    def codec(self) -> Codec:
        return Pca(step=8)


class TestCoarsePca(CodecContract):
    """With a larger step."""

    def codec(self) -> Codec:
        return Pca(step=24)


class TestMjpeg(CodecContract):
    """The one behind a command line."""

    def codec(self) -> Codec:
        return Mjpeg(q=4)
