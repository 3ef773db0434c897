"""Containers under a right checksum whose strings or sizes no encoder wrote."""

from __future__ import annotations

import pytest

from bench.container import pack

MIB = 2**20


@pytest.mark.parametrize("length", [300_000, MIB, 4 * MIB])
@pytest.mark.parametrize(
    ("architecture", "count"),
    [("bmshj2018-factorized", 1), ("bmshj2018-hyperprior", 2), ("mbt2018", 2)],
)
def test_a_forged_string_too_long_for_its_picture_is_no_crash(
    architecture, count, length, small_codec, apart
):
    """Ones are read as the length of a symbol, 15 times that of the string."""
    codec = small_codec(architecture)
    stream = pack(codec._codec_id(), 1, 1, [b"\xff" * length] * count)
    assert apart(lambda: codec.decode(stream)) == "done"
