"""The VTM adapter on a stand-in with VTM's command line, and on VTM where it is available."""

from __future__ import annotations

import os
import signal
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image as Pictures
from pydantic import ValidationError

import backends.external.program
from backends.external.availability import vtm_availability, vvc_availability
from backends.external.base import Coding
from backends.external.ffmpeg.codecs import Vvc
from backends.external.h266 import h266
from backends.external.layout import YUV444_FULL
from backends.external.vtm import Vtm
from backends.external.vvc_size import check_size
from bench.container import overhead, pack
from bench.errors import CodecError, ConfigError, MachineError, Unsupported
from bench.registry.registry import unavailable
from bench.testing import CodecContract
from bench.testing.pictures import grey, noise, waves
from paths import SHARED

ONE_SENTENCE = r"^[^\n]+$"
PICTURE = np.full((17, 33, 3), 99, np.uint8)

STAND_IN = """#!{python} -IS
import os, struct, sys, time, zlib
NAME, VERSION = {name!r}, {version!r}
print(f"\\nVVCSoftware: VTM {{NAME}} Version {{VERSION}} [Linux][64 bit] ")
if len(sys.argv) == 1:
    sys.exit(1)
words = sys.argv[1:]
def given(key):
    return words[words.index(key) + 1]
def ue(number):
    bits = f"{{number + 1:b}}"
    return "0" * (len(bits) - 1) + bits
def parameters(high, wide, half):
    # a sequence parameter set: sides in blocks of 8, and a window that crops them
    bits = 11 * "0" + ("01" if half else "11") + "101" + "01000100" + "01100110" + "10000000"
    bits += 8 * "0" + "00" + ue(wide + -wide % 8) + ue(high + -high % 8) + "1"
    bits += ue(0) + ue(-wide % 8 // (1 + half)) + ue(0) + ue(-high % 8 // (1 + half)) + "1"
    return bytes((0, 0, 1, 0, 15 << 3 | 1)) + int(bits.ljust(200, "0"), 2).to_bytes(25, "big")
{behaviour}
if NAME == "Encoder":
    high, wide = int(given("-hgt")), int(given("-wdt"))
    half = "--InputChromaFormat=420" in words
    data, small = open(given("-i"), "rb").read(), (high // 2) * (wide // 2)
    while len(data) < 2 * (high * wide + 2 * (small if half else high * wide)):
        time.sleep(1)
    if int(given("-q")) > 63:
        sys.exit("Error: QP exceeds supported range")
    assert "--InputBitDepth=10" in words and "--ConformanceWindowMode=1" in words
    assert (given("-fr"), given("-f"), given("-o")) == ("1", "1", "/dev/null")
    assert open(given("-c")).read()
    open(given("-b"), "wb").write(parameters(high, wide, half) + b"VTM" + zlib.compress(data, 1))
else:
    stream = open(given("-b"), "rb").read()
    if not stream:
        os.kill(os.getpid(), 11)
    _, mark, packed = stream.partition(b"VTM")
    if not mark or given("-d") != "10":
        sys.exit("ERROR: In function \\"readByte\\": FIFO exceeded")
    open(given("-o"), "wb").write(zlib.decompress(packed))
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _install(folder, encoder="", decoder="", versions=("23.1", "23.1"), layout=("bin", "cfg")):
    """Make a checkout of VTM whose programs misbehave before they do their work."""
    programs, settings = folder / layout[0], folder / layout[1]
    for place in (programs, settings):
        place.mkdir(parents=True, exist_ok=True)
    (settings / "encoder_intra_vtm.cfg").write_text("InternalBitDepth : 10\n")
    behaviours = {"Encoder": encoder, "Decoder": decoder}
    for (name, behaviour), version in zip(behaviours.items(), versions, strict=True):
        path = programs / f"{name}AppStatic"
        path.write_text(
            STAND_IN.format(python=sys.executable, name=name, version=version, behaviour=behaviour)
        )
        path.chmod(0o755)
    return folder


@pytest.fixture
def vtm(tmp_path, monkeypatch):
    """Make a stand-in and set BENCH_VTM to it."""

    def make(**faults):
        monkeypatch.setenv("BENCH_VTM", str(_install(tmp_path / "vtm", **faults)))

    return make


class TestStandIn(CodecContract):
    flips = 8

    @pytest.fixture(autouse=True)
    def _vtm(self, vtm):
        vtm()

    def codec(self):
        return Vtm(qp=32)

    def others(self):
        return [Vtm(qp=33), Vtm(qp=32, colour="yuv420"), Vtm(qp=32, colour="rgb")]


def test_h266_is_vtm_where_it_is_configured(vtm):
    vtm()
    assert h266(32).fingerprint() == Vtm(qp=32, colour="yuv420").fingerprint()


@pytest.mark.skipif(vvc_availability() is not None, reason=vvc_availability() or "")
def test_h266_is_ffmpegs_where_no_vtm_is_configured(monkeypatch):
    monkeypatch.delenv("BENCH_VTM", raising=False)
    assert h266(32).fingerprint() == Vvc(32).fingerprint()
    assert unavailable("codec", "h266") is None


def test_h266_never_takes_the_place_of_a_vtm_that_is_configured_and_broken(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_VTM", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="BENCH_VTM"):
        h266(32)
    assert "BENCH_VTM" in unavailable("codec", "h266")


@pytest.mark.parametrize("colour", ["yuv444", "yuv420", "rgb"])
@pytest.mark.parametrize("size", [(1, 1), (17, 33)])
def test_the_samples_arrive_and_come_back(vtm, colour, size):
    vtm()
    codec = Vtm(qp=32, colour=colour)
    for image in (grey(*size), noise(*size)):
        decoded = codec.decode(codec.encode(image))
        assert decoded.shape == image.shape
        if colour != "yuv420" or np.ptp(image, axis=2).max() == 0:
            assert np.array_equal(decoded, image)


def test_a_stream_of_another_colour_is_refused(vtm):
    vtm()
    with pytest.raises(CodecError, match="another codec"):
        Vtm(qp=32, colour="rgb").decode(Vtm(qp=32).encode(PICTURE))


FAULTS = [
    ("sys.stderr.write('reason\\nlast\\n'); sys.exit(1)", "exit code 1: last$"),
    ("sys.exit(1)", "exit code 1: it printed no error message"),
    ("os.kill(os.getpid(), 11)", "exit code -11"),
    ("os.kill(os.getpid(), 6)", "exit code -6"),
]


@pytest.mark.parametrize(("behaviour", "message"), [*FAULTS, ("sys.exit(0)", "wrote no bitstream")])
def test_a_failing_encoder_is_reported_in_one_sentence(vtm, temporary, behaviour, message):
    vtm(encoder=behaviour)
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        Vtm(qp=32).encode(PICTURE)
    assert caught.match(message)
    assert caught.match("EncoderAppStatic")
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        *FAULTS,
        ("sys.exit(0)", "wrote 0 bytes instead of 3366"),
        ("open(given('-o'), 'wb').write(bytes(99)); sys.exit(0)", "wrote 99 bytes instead of 3366"),
        (
            "open(given('-o'), 'wb').write(bytes(9999)); sys.exit(0)",
            "wrote 9999 bytes instead of 3366",
        ),
    ],
)
def test_a_failing_decoder_is_reported_in_one_sentence(vtm, temporary, behaviour, message):
    vtm(decoder=behaviour)
    codec = Vtm(qp=32)
    bitstream = codec.encode(PICTURE)
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        codec.decode(bitstream)
    assert caught.match(message)
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("colour", ["yuv444", "yuv420", "rgb"])
@pytest.mark.parametrize("other", [(64, 16), (16, 64), (31, 33), (33, 31)])
def test_a_stream_of_another_size_with_as_many_samples_is_refused(vtm, colour, other):
    vtm()
    codec = Vtm(qp=32, colour=colour)
    bitstream = codec.encode(np.zeros((*other, 3), np.uint8))
    assert codec.decode(bitstream).shape == (*other, 3)
    stream, size = bitstream[overhead(1) - 4 : -4], (32, 32) if 64 in other else other[::-1]
    with pytest.raises(CodecError, match=r"holds a picture of .* instead of \d+x\d+ \(height x"):
        codec.decode(pack(codec._coding.container_id, *size, [stream]))


@pytest.mark.skipif(vvc_availability() is not None, reason=vvc_availability() or "")
def test_what_ffmpegs_decoder_cannot_decode_is_unsupported(vtm):
    vtm()
    with pytest.raises(Unsupported, match="at most 25328 rows"):
        Vtm(qp=32, decoder="ffmpeg").encode(np.zeros((25329, 1, 3), np.uint8))


@pytest.mark.skipif(vvc_availability() is not None, reason=vvc_availability() or "")
@pytest.mark.parametrize("size", [(16, 16), (18, 34), (34, 52), (200, 1000)])
def test_the_size_in_a_real_stream_is_found(size):
    bitstream = Vvc(qp=63, preset="faster").encode(np.zeros((*size, 3), np.uint8))
    stream = bitstream[overhead(1) - 4 : -4]
    check_size(stream, size)
    with pytest.raises(CodecError, match=f"instead of {size[0]}x{size[1] + 2} "):
        check_size(stream, (size[0], size[1] + 2))
    for damaged in (b"", stream[:10], stream[4:10], b"\0\0\1\0\x79" + bytes(99)):
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            check_size(damaged, size)


@pytest.mark.parametrize("stream", [b"", b"garbage", b"VTM cut off"])
def test_bad_streams_under_a_right_checksum_are_refused(vtm, stream):
    vtm()
    container_id = Coding(name="vtm yuv444", layout=YUV444_FULL).container_id
    with pytest.raises(CodecError, match=ONE_SENTENCE):
        Vtm(qp=32).decode(pack(container_id, 17, 33, [stream]))


@pytest.mark.parametrize(
    "behaviour",
    ["time.sleep(600)", "while True: print(9999 * 'busy', file=sys.stderr); time.sleep(0.01)"],
)
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_a_hanging_program_is_stopped_and_gone(
    vtm, temporary, tmp_path, monkeypatch, side, behaviour
):
    vtm(
        **{
            side: f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()));"
            f" {_inline(behaviour)}"
        }
    )
    codec = Vtm(qp=32)
    bitstream = codec.encode(PICTURE) if side == "decoder" else b""
    monkeypatch.setattr(backends.external.program, "_START_S", 5)
    monkeypatch.setattr(backends.external.program, "_PATIENCE", 0)
    with pytest.raises(CodecError, match=r"AppStatic was stopped after 5 s$"):
        codec.decode(bitstream) if side == "decoder" else codec.encode(PICTURE)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list(temporary.iterdir())


def _inline(behaviour):
    return behaviour if "while" not in behaviour else f"exec({behaviour!r})"


def test_a_program_killed_from_outside_is_no_failure_of_the_codec(vtm):
    vtm(encoder=f"os.kill(os.getpid(), {int(signal.SIGKILL)})")
    with pytest.raises(MachineError):
        Vtm(qp=32).encode(PICTURE)


def test_the_encoder_is_never_given_less_than_a_picture(vtm, monkeypatch):
    """The encoder would wait forever for the rest."""
    vtm()
    codec = Vtm(qp=32)
    monkeypatch.setattr(os, "fstat", lambda _: type("Short", (), {"st_size": 7}))
    with pytest.raises(CodecError, match="input has 7 bytes instead of 3366"):
        codec.encode(PICTURE)


def test_time_limits_cover_what_vtm_takes():
    measured = {22: 150, 32: 71}
    assert backends.external.program.time_limit(900, 512, 768) > 10 * max(measured.values())


def test_the_fingerprint_has_versions_and_no_path(vtm, tmp_path, monkeypatch):
    vtm()
    fingerprint = Vtm(qp=32).fingerprint()
    for part in ("vtm yuv444", "qp=32", "VTM 23.1 cfg ", "full-range colour 1"):
        assert part in fingerprint
    assert str(tmp_path) not in fingerprint
    elsewhere = _install(tmp_path / "elsewhere", layout=(".", "."))
    monkeypatch.setenv("BENCH_VTM", str(elsewhere))
    assert Vtm(qp=32).fingerprint() == fingerprint
    newer = _install(tmp_path / "newer", versions=("23.2", "23.2"))
    monkeypatch.setenv("BENCH_VTM", str(newer))
    assert Vtm(qp=32).fingerprint() != fingerprint
    changed = _install(tmp_path / "changed")
    (changed / "cfg" / "encoder_intra_vtm.cfg").write_text("InternalBitDepth : 8\n")
    monkeypatch.setenv("BENCH_VTM", str(changed))
    assert Vtm(qp=32).fingerprint() != fingerprint


@pytest.mark.skipif(vvc_availability() is not None, reason=vvc_availability() or "")
def test_the_decoder_is_part_of_the_fingerprint(vtm):
    vtm()
    own, other = Vtm(qp=32).fingerprint(), Vtm(qp=32, decoder="ffmpeg").fingerprint()
    assert own != other
    assert "ffmpeg version" in other


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / "bin" / "EncoderAppStatic").unlink(), "no EncoderAppStatic"),
        (lambda folder: (folder / "bin" / "DecoderAppStatic").unlink(), "no DecoderAppStatic"),
        (lambda folder: (folder / "cfg" / "encoder_intra_vtm.cfg").unlink(), "encoder_intra_vtm"),
        (lambda folder: (folder / "bin" / "EncoderAppStatic").chmod(0o644), "Permission denied"),
        (lambda folder: _install(folder, versions=("23.1", "18.0")), "version 23.1, the decoder"),
        (lambda folder: _install(folder, versions=("", "")), "does not call itself a VTM Encoder"),
    ],
)
def test_an_unusable_vtm_is_reported_with_the_remedy(tmp_path, monkeypatch, spoil, problem):
    spoil(folder := _install(tmp_path / "vtm"))
    monkeypatch.setenv("BENCH_VTM", str(folder))
    with pytest.raises(ConfigError, match=ONE_SENTENCE) as caught:
        Vtm(qp=32)
    for part in (problem, str(folder), "BENCH_VTM", "vcgit.hhi.fraunhofer.de", "drop vtm"):
        assert part in str(caught.value)


def test_another_program_is_no_vtm(tmp_path, monkeypatch):
    folder = _install(tmp_path / "vtm")
    (folder / "bin" / "EncoderAppStatic").write_text("#!/bin/sh\necho something else\n")
    monkeypatch.setenv("BENCH_VTM", str(folder))
    assert "EncoderAppStatic does not call itself a VTM Encoder" in (vtm_availability() or "")


def test_without_vtm_the_list_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("BENCH_VTM", raising=False)
    reason = vtm_availability() or ""
    for part in ("not on the package index", "vcgit.hhi.fraunhofer.de", "BENCH_VTM"):
        assert part in reason


@pytest.mark.parametrize(
    "params", [{"qp": 64}, {"qp": -1}, {"qp": 3, "colour": "yuv422"}, {"qp": 3, "decoder": "vvdec"}]
)
def test_parameters_have_ranges(params):
    with pytest.raises(ValidationError):
        Vtm(**params)


needs_vtm = pytest.mark.skipif(
    vtm_availability() is not None, reason="BENCH_VTM names no usable VTM"
)


@pytest.mark.vtm
@needs_vtm
@pytest.mark.parametrize("colour", ["yuv444", "yuv420", "rgb"])
def test_real_vtm_and_ffmpeg_decode_the_same_picture(colour):
    codec, other = Vtm(qp=32, colour=colour), Vtm(qp=32, colour=colour, decoder="ffmpeg")
    for image in (waves(33, 17), noise(1, 7)):
        bitstream = codec.encode(image)
        decoded = codec.decode(bitstream)
        assert decoded.shape == image.shape
        assert np.mean((decoded.astype(float) - image) ** 2) < 3000
        assert np.array_equal(other.decode(bitstream), decoded)
        assert codec.header_bytes(bitstream) == overhead(1)
        assert codec.encode(image) == bitstream


@pytest.mark.vtm
@needs_vtm
def test_real_vtm_never_crashes_on_bad_streams():
    codec = Vtm(qp=37)
    bitstream = codec.encode(waves(16, 16))
    container_id, stream = codec._coding.container_id, bitstream[overhead(1) - 4 : -4]
    rng = np.random.default_rng(3)
    for other in (b"", stream[: len(stream) // 2], stream * 2, rng.bytes(300)):
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            codec.decode(pack(container_id, 16, 16, [other]))
    with pytest.raises(CodecError, match="holds a picture of 16x16 instead of 8x32 "):
        codec.decode(pack(container_id, 8, 32, [stream]))


@pytest.mark.vtm
@pytest.mark.slow
@pytest.mark.shared
@needs_vtm
def test_real_vtm_gives_the_measured_size_and_quality_of_a_known_photograph():
    path = SHARED / "data" / "kodak" / "kodim24.png"
    if not path.exists():
        pytest.skip("needs ../shared/data/kodak/kodim24.png")
    image = np.array(Pictures.open(path))
    codec = Vtm(qp=32)
    bitstream = codec.encode(image)
    decoded = codec.decode(bitstream)
    assert len(bitstream) - overhead(1) == pytest.approx(35_000, rel=0.005)
    mse = np.mean((decoded.astype(float) - image) ** 2)
    assert 10 * np.log10(255**2 / mse) == pytest.approx(33.2, abs=0.1)
    assert np.array_equal(Vtm(qp=32, decoder="ffmpeg").decode(bitstream), decoded)
