from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures
from pydantic import ValidationError

import backends.ffmpeg
from backends.ffmpeg import Vvc, availability
from backends.pillow import Identity, Jpeg
from backends.program import Program
from bench.container import overhead, pack
from bench.errors import CodecError, Unsupported

SHARED = Path(__file__).parents[1].parent / "shared"
ONE_SENTENCE = r"^[^\n]+$"
FACTS = (
    "-frames:v 1 -c:v libvvenc -preset medium -qp 32 -qpa 0 -g 1 -threads 1 -pix_fmt yuv420p10le"
    " -f vvc -vvenc-params IntraQPOffset=0:MTProfile=0:AccessUnitDelimiter=0"
    ":HrdParametersPresent=0:SEIDecodedPictureHash=1"
)

needs_vvc = pytest.mark.skipif(availability() is not None, reason=availability() or "")


def _smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (14, 7), (20, 30))]
    return np.stack(waves, axis=-1).astype(np.uint8)


def _noise(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _grey(height, width):
    return np.repeat(_smooth(height, width)[..., :1], 3, axis=2)


def _psnr(image, other):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((image.astype(float) - other) ** 2)))


def _flip(data, bit):
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@pytest.fixture(scope="module")
def vvc():
    return Vvc(qp=32, preset="faster")


@pytest.fixture(scope="module")
def bitstream(vvc):
    return vvc.encode(_smooth(33, 17))


@needs_vvc
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (17, 33), (64, 48)])
@pytest.mark.parametrize("draw", [_smooth, _grey])
def test_any_size_comes_back_close(vvc, draw, size):
    image = draw(*size)
    decoded = vvc.decode(vvc.encode(image))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert _psnr(image, decoded) > 27


@needs_vvc
def test_grey_stays_grey(vvc):
    decoded = vvc.decode(vvc.encode(_grey(17, 33))).astype(int)
    assert np.ptp(decoded, axis=2).max() <= 1


@needs_vvc
def test_a_higher_qp_costs_less_and_errs_more():
    image = _smooth(64, 48) // 2 + _noise(64, 48) // 8
    codecs = [Vvc(qp=qp, preset="faster") for qp in (12, 22, 32, 42, 63)]
    streams = [codec.encode(image) for codec in codecs]
    scores = [_psnr(image, codecs[0].decode(stream)) for stream in streams]
    sizes = [len(stream) for stream in streams]
    assert scores == sorted(scores, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert scores[0] > 30
    assert scores[-1] > 10


@needs_vvc
def test_the_same_picture_gives_the_same_bytes(vvc, bitstream):
    assert vvc.encode(_smooth(33, 17)) == bitstream
    assert np.array_equal(vvc.decode(bitstream), vvc.decode(bitstream))


@needs_vvc
@pytest.mark.parametrize("preset", ["faster", "fast", "medium", "slow", "slower"])
def test_every_preset(preset):
    codec = Vvc(qp=37, preset=preset)
    assert codec.decode(codec.encode(_smooth(16, 16))).shape == (16, 16, 3)


@needs_vvc
def test_only_the_container_is_counted_as_header(vvc, bitstream):
    assert vvc.header_bytes(bitstream) == overhead(1)


@needs_vvc
def test_what_ffmpeg_cannot_hold_is_unsupported():
    with pytest.raises(Unsupported, match="3072 bytes"):
        Vvc(qp=0, preset="faster").encode(_noise(64, 48))


@needs_vvc
def test_damage_is_refused(vvc, bitstream):
    flips = [_flip(bitstream, bit) for bit in range(0, 8 * len(bitstream), 7)]
    cuts = [bitstream[:length] for length in range(len(bitstream))]
    for damaged in flips + cuts:
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            vvc.decode(damaged)


@needs_vvc
def test_foreign_streams_are_refused(vvc, bitstream):
    image = _smooth(33, 17)
    foreign = [
        Jpeg(quality=50).encode(image),
        Identity().encode(image),
        b"",
        _noise(9, 9).tobytes(),
    ]
    for other in [*foreign, pack(b"else", 33, 17, [bitstream[overhead(1) - 4 : -4]])]:
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            vvc.decode(other)


def _resealed(stream):
    return pack(backends.ffmpeg._CODEC_ID, 33, 17, [stream])


def _is_refused(codec, bitstream, picture):
    try:
        decoded = codec.decode(bitstream)
    except CodecError:
        return True
    assert np.array_equal(decoded, picture)
    return False


@needs_vvc
def test_ffmpeg_never_gives_a_wrong_picture_even_under_a_right_checksum(vvc, bitstream):
    picture, stream = vvc.decode(bitstream), bitstream[overhead(1) - 4 : -4]
    assert _resealed(stream) == bitstream
    rng = np.random.default_rng(3)
    flips = rng.choice(8 * len(stream), 60, replace=False)
    refused = [_is_refused(vvc, _resealed(_flip(stream, bit)), picture) for bit in flips]
    assert np.mean(refused) > 0.8
    for other in (b"", stream[:-1], stream[: len(stream) // 2], stream * 2, rng.bytes(500)):
        assert _is_refused(vvc, _resealed(other), picture)


@needs_vvc
def test_the_fingerprint_names_versions_and_every_setting():
    fingerprint = Vvc(qp=32).fingerprint()
    for part in ("vvc", "qp=32", "preset=medium", "IntraQPOffset=0", "ffmpeg version", "colour 1"):
        assert part in fingerprint
    assert "libvvenc" in fingerprint.split("ffmpeg version")[1]
    assert "Copyright" not in fingerprint
    others = {Vvc(qp=33).fingerprint(), Vvc(qp=32, preset="fast").fingerprint()}
    assert fingerprint not in others
    assert len(others) == 2


@pytest.mark.parametrize("params", [{"qp": -1}, {"qp": 64}, {"qp": 32, "preset": "slowest"}])
def test_parameters_have_ranges(params):
    with pytest.raises(ValidationError):
        Vvc(**params)


@needs_vvc
def test_libvvenc_is_asked_for_what_was_measured(monkeypatch):
    codec, asked = Vvc(qp=32), []
    monkeypatch.setattr(Program, "run", lambda *args: asked.extend(args[1]))
    with pytest.raises(CodecError, match="wrote no bitstream"):
        codec.encode(_smooth(17, 33))
    source, sink = " ".join(asked).split(" -i pipe:0 ")
    assert source == "-f rawvideo -pix_fmt yuv420p10le -s 34x18"
    settings, target = sink.removeprefix("-").split(" /")
    assert set(settings.split(" -")) == set(FACTS.removeprefix("-").split(" -"))
    assert target.endswith("/output -hide_banner -loglevel error -y")


def test_time_limits_grow_with_the_picture_and_the_preset():
    small, large = (backends.ffmpeg._time_limit(45, side, side) for side in (256, 1024))
    assert 60 < small < large
    assert large < backends.ffmpeg._time_limit(170, 1024, 1024)


@pytest.mark.shared
@needs_vvc
def test_a_known_photograph_gives_the_measured_size_and_quality():
    path = SHARED / "data" / "kodak" / "kodim24.png"
    if not path.exists():
        pytest.skip("needs ../shared/data/kodak/kodim24.png")
    image = np.array(Pictures.open(path))
    codec = Vvc(qp=32)
    bitstream = codec.encode(image)
    assert len(bitstream) == pytest.approx(28_500, rel=0.02)
    assert _psnr(image, codec.decode(bitstream)) == pytest.approx(31.2, abs=0.2)
