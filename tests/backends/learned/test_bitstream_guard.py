"""Forged containers with a right checksum: strings or sizes that no encoder wrote."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

import backends.learned.bitstream_guard
from backends.learned.bitstream_guard import check_plausible_size
from bench.container import Container, pack, unpack

MIB = 2**20
PICTURE = np.full((9, 9, 3), 99, np.uint8)
REFUSED = r"the bitstream is damaged: it declares a picture of \d+x65535 but holds only \d+ bytes"


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


@pytest.mark.parametrize(
    "architecture", ["bmshj2018-factorized", "mbt2018", "cheng2020-anchor-checkerboard"]
)
@pytest.mark.parametrize("length", [0, 9, 1000])
@pytest.mark.parametrize("size", [(65535, 65535), (65535, 20000)])
def test_a_size_that_its_bytes_cannot_hold_is_refused(
    architecture, length, size, small_codec, apart
):
    codec = small_codec(architecture)
    count = len(unpack(codec._codec_id(), codec.encode(PICTURE)).sections)
    stream = pack(codec._codec_id(), *size, [bytes(length // count)] * count)
    assert re.fullmatch(REFUSED, apart(lambda: codec.decode(stream)))


@pytest.mark.parametrize("length", [5000, MIB])
def test_a_size_beyond_the_machines_memory_is_refused(length, small_codec, apart, monkeypatch):
    monkeypatch.setattr(backends.learned.bitstream_guard, "memory_bytes", lambda: 400 * 10**9)
    codec = small_codec("bmshj2018-factorized")
    stream = pack(codec._codec_id(), 65535, 65535, [bytes(length)])
    told = apart(lambda: codec.decode(stream))
    assert told == "a picture of 65535x65535 needs more memory than this machine has"


@pytest.mark.parametrize(("side", "size"), [(10_000, 300), (8_000, 100), (1, 30)])
def test_a_picture_that_anyone_would_code_is_believed(side, size, monkeypatch):
    monkeypatch.setattr(backends.learned.bitstream_guard, "memory_bytes", lambda: 16 * 2**30)
    assert check_plausible_size(Container(side, side, (bytes(size),)), side * side) is None


def test_so_is_any_on_a_system_that_tells_no_memory(monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    assert check_plausible_size(Container(65535, 65535, (bytes(MIB),)), 65535**2) is None
