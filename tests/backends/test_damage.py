"""Damaged bitstreams: a clear error, or a picture of the size that they name; nothing is left.

A few for every run, here; 2,000 a family with `pytest -m slow tests/backends/test_damage.py`,
each codec in a process of its own (tests/helpers/damage.py), so that a crash or a hang is reported
and ends nothing else.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import damage
from backends.external.availability import vtm_availability
from backends.toy import Toy
from bench.cli.key_values import parse_params
from bench.container import pack
from bench.errors import CodecError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve, unavailable

PROGRAM = Path(damage.__file__)
LIMIT_S = 3600

FEW = {
    "jpeg quality=50": 40,
    "jpeg2000 ratio=5": 40,
    "webp quality=50": 40,
    "avif quality=50": 40,
    "identity": 40,
    "vvc qp=40 preset=faster": 6,
    "hevc qp=40": 6,
    "av1 crf=40": 6,
    "svt-av1 crf=40": 6,
    "jpegxl distance=2": 6,
    "bmshj2018-factorized checkpoint=bmshj2018-factorized-small-q4": 20,
    "mbt2018-mean checkpoint=mbt2018-mean-small-q4": 20,
    "mbt2018 checkpoint=RANDOM": 12,
    "mbt2018-mean-vbr level=3 checkpoint=RANDOM": 12,
    "cheng2020-anchor-checkerboard checkpoint=RANDOM": 12,
    "toy": 200,
}
"""The number of damaged bitstreams per codec in the default run."""

MANY = {
    "jpeg quality=50": 500,
    "jpeg2000 ratio=5": 500,
    "webp quality=50": 500,
    "avif quality=50": 500,
    "identity": 500,
    "vvc qp=40 preset=faster": 500,
    "hevc qp=40": 500,
    "av1 crf=40": 500,
    "svt-av1 crf=40": 500,
    "jpegxl distance=2": 500,
    "bmshj2018-factorized checkpoint=bmshj2018-factorized-small-q4": 600,
    "bmshj2018-hyperprior checkpoint=bmshj2018-hyperprior-small-q4": 700,
    "mbt2018-mean checkpoint=mbt2018-mean-small-q4": 700,
    "mbt2018 checkpoint=RANDOM": 200,
    "mbt2018-mean-vbr level=3 checkpoint=RANDOM": 200,
    "cheng2020-anchor-checkerboard checkpoint=RANDOM": 200,
    "toy": 2000,
}
"""2,000 a family: Pillow's files, ffmpeg's streams, CompressAI's strings, the container."""


@pytest.fixture
def spelled(small_checkpoint, variable_file):
    """Return a function: a codec of the lists, RANDOM being the file of a small random net."""

    def spell(printed):
        name = printed.split()[0]
        if "RANDOM" not in printed:
            return printed
        file = variable_file(name) if name.endswith("-vbr") else small_checkpoint(name)
        return printed.replace("RANDOM", str(file))

    return spell


@pytest.mark.parametrize(("printed", "count"), FEW.items())
def test_damaged_streams_end_in_an_error_or_a_picture_of_their_size(spelled, printed, count):
    codec = instantiate("codec", _choice(spelled(printed)))
    whole = damage.whole_streams(codec)
    streams = damage.damaged(whole, count, np.random.default_rng(0))
    found = [damage.outcome(codec, stream) for stream in streams]
    assert found.count("refused") >= count // 4


def test_streams_of_other_codecs_are_among_them():
    streams = damage.foreign_streams()
    assert {stream[:2] for stream in streams} >= {b"CR", b"\xff\xd8", b"\x89P"}
    assert len(streams) > 12


def test_forged_sizes_are_small_and_large():
    codec = instantiate("codec", _choice("toy"))
    streams = list(damage.damaged(damage.whole_streams(codec), 400, np.random.default_rng(0)))
    sides = [int.from_bytes(stream[8:10], "big") for stream in streams if stream[:4] == b"CRB1"]
    assert any(64 < side < 256 for side in sides)
    assert any(60_000 <= side < 2**16 for side in sides)


def test_half_of_them_are_under_a_right_checksum():
    codec = instantiate("codec", _choice("toy"))
    streams = list(damage.damaged(damage.whole_streams(codec), 200, np.random.default_rng(0)))
    assert {damage.outcome(codec, stream) for stream in streams[::2]} == {"refused"}
    passed = [stream for stream in streams[1::2] if damage.outcome(codec, stream) == "a picture"]
    assert len(passed) > 50


@pytest.mark.parametrize(
    ("deed", "problem"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended with -11"),
        ("import tempfile; tempfile.mkstemp(); raise CodecError('x')", "files are left behind"),
        ("import os; os.fork() or os._exit(0); raise CodecError('x')", "a process is left behind"),
    ],
)
def test_what_a_broken_decoder_does_or_leaves_is_found_out(
    tmp_path, monkeypatch, apart, deed, problem
):
    (tmp_path / "broken.py").write_text(f"""\
from backends.toy import Toy
from bench.entry import Entry
from bench.errors import CodecError
class Broken(Toy):
    def decode(self, bitstream):
        {deed}
CODECS = {{"broken": Entry(Broken, "breaks")}}
""")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("DAMAGE_PLUGIN", str(tmp_path / "broken.py"))
    monkeypatch.setattr(sys, "argv", ["damage.py", "3", "0", "broken"])
    assert problem in apart(_program)


def _program():
    faulthandler.disable()  # a crash is what is wanted here
    try:
        damage.main()
    except AssertionError as error:
        raise CodecError(str(error)) from error


def test_neither_a_clear_error_nor_a_picture_of_the_right_size():
    class Broken(Toy):
        def decode(self, bitstream):
            if bitstream == b"1":
                raise CodecError("two\nlines")
            return np.zeros((3, 3, 3), np.uint8)

    with pytest.raises(AssertionError, match="several lines"):
        damage.outcome(Broken(), b"1")
    with pytest.raises(AssertionError, match=r"\(3, 3, 3\) and not \(5, 7, 3\)"):
        damage.outcome(Broken(), pack(b"toy0", 5, 7, []))


@pytest.mark.slow
@pytest.mark.parametrize(("printed", "count"), MANY.items())
def test_thousands_of_damaged_streams(tmp_path, spelled, printed, count):
    _check_many(tmp_path, spelled(printed), count)


@pytest.mark.slow
@pytest.mark.vtm
@pytest.mark.skipif(vtm_availability() is not None, reason="BENCH_VTM names no usable VTM")
def test_thousands_of_damaged_streams_of_vtm(tmp_path):
    _check_many(tmp_path, "vtm qp=40", 1000)


def _choice(printed):
    """Return a codec, or skip the test where this machine does not have it."""
    name, *parameters = printed.split()
    if (reason := unavailable("codec", name)) is not None:
        pytest.skip(reason)
    return resolve("codec", ComponentSpec(name, parse_params(parameters)))


def _check_many(folder, printed, count):
    _choice(printed)
    done = _run(folder, printed, count)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) == count


def _run(folder, printed, count):
    temporary = folder / "temporary"
    temporary.mkdir()
    return subprocess.run(
        [sys.executable, PROGRAM, str(count), "0", *printed.split()],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
