"""Forged containers with a right checksum: strings or sizes that no encoder wrote."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from compressai.entropy_models import EntropyBottleneck

import backends.learned.bitstream_guard
from backends.learned.bitstream_guard import check_plausible_size
from bench.container import Container, pack, unpack
from bench.errors import Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate

MIB = 2**20
PICTURE = np.full((9, 9, 3), 99, np.uint8)
REFUSED = r"the bitstream is damaged: it declares a picture of \d+x\d+ but holds only \d+ bytes"


@pytest.mark.parametrize("length", [300_000, MIB, 4 * MIB])
@pytest.mark.parametrize(
    ("architecture", "count"),
    [("bmshj2018-factorized", 1), ("bmshj2018-hyperprior", 2), ("mbt2018", 2)],
)
def test_a_forged_string_too_long_for_its_picture_is_no_crash(
    architecture, count, length, small_codec, apart
):
    """From ones a symbol's length is read that is 15 times the length of the string."""
    codec = small_codec(architecture)
    stream = pack(codec._codec_id(), 1, 1, [b"\xff" * length] * count)
    assert apart(lambda: codec.decode(stream)) == "done"


ARCHITECTURES = ["bmshj2018-factorized", "mbt2018", "cheng2020-anchor-checkerboard"]


def _forged(codec, height, width, length):
    """Return a stream with a right checksum: so many zeros for a picture of this size."""
    count = len(unpack(codec._codec_id(), codec.encode(PICTURE)).sections)
    return pack(codec._codec_id(), height, width, [bytes(length // count)] * count)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("length", [0, 9, 1000])
@pytest.mark.parametrize("size", [(4096, 8192), (4000, 2000)])
def test_a_size_that_its_bytes_cannot_hold_is_refused(
    architecture, length, size, small_codec, apart
):
    """Such a stream kept the decoder busy for a minute, in gigabytes of memory."""
    codec = small_codec(architecture)
    stream = _forged(codec, *size, length)
    assert re.fullmatch(REFUSED, apart(lambda: codec.decode(stream)))


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"])
def test_a_trained_model_believes_no_size_beyond_its_bytes(name, apart):
    spec = ComponentSpec(name, (("checkpoint", f"{name}-small-q1"),))
    codec = instantiate("codec", spec)
    stream = _forged(codec, 4000, 4000, 1000)
    assert re.fullmatch(REFUSED, apart(lambda: codec.decode(stream)))


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_of_many_pixels_is_decoded(name, value):
    """It has the fewest bytes per pixel of any."""
    codec = instantiate("codec", ComponentSpec(name, (("checkpoint", f"{name}-small-q1"),)))
    image = np.full((1024, 512, 3), value, np.uint8)
    assert codec.decode(codec.encode(image)).shape == image.shape


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_most_frequent_symbols_alone_are_decoded(architecture, small_codec):
    """No encoder writes less than the string of these symbols, which the bound accepts."""
    codec = small_codec(architecture)
    (bottleneck,) = (one for one in codec._net.modules() if isinstance(one, EntropyBottleneck))
    symbols = bottleneck.quantized_cdf.diff(dim=1).argmax(1) + bottleneck.offset
    values = symbols.view(1, -1, 1, 1).float() + bottleneck._get_medians().view(1, -1, 1, 1)
    (string,) = bottleneck.compress(values.expand(-1, -1, 40, 40).contiguous())
    side = 40 * codec._factor
    bits = 40 * 40 * codec._least_bits
    container = Container(side, side, (string,))
    assert check_plausible_size(container, side**2, bits) is None
    assert bits > 0.95 * 8 * (len(string) - 8)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pictures_beyond_the_largest_are_not_coded(architecture, small_codec, apart):
    codec = small_codec(architecture)
    image = np.broadcast_to(np.uint8(0), (4097, 8192, 3))
    with pytest.raises(Unsupported, match=r"8192x4097 has more than the 33554432 pixels .*; crop"):
        codec.encode(image)
    stream = _forged(codec, 4097, 8192, 40 * MIB)
    assert apart(lambda: codec.decode(stream)) == (
        "the bitstream is damaged: it declares a picture of 8192x4097, more than the 33554432"
        " pixels that learned codecs code"
    )


@pytest.mark.parametrize("length", [5 * MIB, 10 * MIB])
def test_a_size_beyond_the_machines_memory_is_refused(length, small_codec, apart, monkeypatch):
    monkeypatch.setattr(backends.learned.bitstream_guard, "memory_bytes", lambda: 2 * 10**9)
    codec = small_codec("bmshj2018-factorized")
    stream = pack(codec._codec_id(), 5000, 5000, [bytes(length)])
    printed = apart(lambda: codec.decode(stream))
    assert printed == "a picture of 5000x5000 needs more memory than this machine has"


@pytest.mark.parametrize(("side", "size"), [(5_000, 300), (4_000, 100), (1, 30)])
def test_a_picture_that_anyone_would_code_is_believed(side, size, monkeypatch):
    monkeypatch.setattr(backends.learned.bitstream_guard, "memory_bytes", lambda: 16 * 2**30)
    container, bits = Container(side, side, (bytes(size),)), side * side * 2.0**-17
    assert check_plausible_size(container, side * side, bits) is None


def test_so_is_any_on_a_system_that_tells_no_memory(monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    assert check_plausible_size(Container(5000, 5000, (bytes(MIB),)), 5000**2, 8.0) is None
