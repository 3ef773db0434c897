from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from PIL import Image as Pictures
from pydantic import ValidationError

import backends.external.program
from backends.external.availability import (
    av1_availability,
    hevc_availability,
    jpegxl_availability,
    svt_av1_availability,
    vvc_availability,
)
from backends.external.ffmpeg.codecs import (
    Av1,
    Hevc,
    JpegXl,
    SvtAv1,
    Vvc,
)
from backends.external.ffmpeg.formats import AV1, HEVC, JPEGXL, SVT_AV1, VVC
from backends.external.program import Program, Scratch, time_limit
from backends.pillow import Identity, Jpeg
from bench.container import overhead, pack
from bench.errors import CodecError, ConfigError, Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from paths import SHARED
from pictures import noise, smooth

ONE_SENTENCE = r"^[^\n]+$"
FACTS = (
    "-frames:v 1 -c:v libvvenc -preset medium -qp 32 -qpa 0 -g 1 -threads 1 -pix_fmt yuv420p10le"
    " -f vvc -vvenc-params IntraQPOffset=0:MTProfile=0:AccessUnitDelimiter=0"
    ":HrdParametersPresent=0:SEIDecodedPictureHash=1"
)


def _needs(availability):
    return pytest.mark.skipif((reason := availability()) is not None, reason=reason or "")


needs_vvc, needs_hevc = _needs(vvc_availability), _needs(hevc_availability)
needs_av1, needs_jpegxl = _needs(av1_availability), _needs(jpegxl_availability)
needs_svt_av1 = _needs(svt_av1_availability)


def _grey(height, width):
    return np.repeat(smooth(height, width)[..., :1], 3, axis=2)


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
    return vvc.encode(smooth(33, 17))


@needs_vvc
@pytest.mark.parametrize("size", [(1, 7), (17, 33)])
@pytest.mark.parametrize("draw", [smooth, _grey])
def test_any_size_comes_back_close(vvc, draw, size):
    image = draw(*size)
    assert _psnr(image, vvc.decode(vvc.encode(image))) > 27


@pytest.mark.parametrize(
    "codec",
    [
        pytest.param(partial(Vvc, qp=32, preset="faster"), marks=needs_vvc),
        pytest.param(partial(Hevc, qp=32), marks=needs_hevc),
        pytest.param(partial(Av1, crf=32), marks=needs_av1),
        pytest.param(partial(SvtAv1, crf=32), marks=needs_svt_av1),
        pytest.param(partial(JpegXl, distance=2), marks=needs_jpegxl),
    ],
    ids=["vvc", "hevc", "av1", "svt-av1", "jpegxl"],
)
def test_grey_stays_grey(codec):
    decoded = codec().decode(codec().encode(_grey(17, 33))).astype(int)
    assert np.ptp(decoded, axis=2).max() <= 1


@needs_vvc
def test_a_higher_qp_costs_less_and_errs_more():
    image = smooth(64, 48) // 2 + noise(64, 48) // 8
    codecs = [Vvc(qp=qp, preset="faster") for qp in (12, 22, 32, 42, 63)]
    streams = [codec.encode(image) for codec in codecs]
    scores = [_psnr(image, codecs[0].decode(stream)) for stream in streams]
    sizes = [len(stream) for stream in streams]
    assert scores == sorted(scores, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert scores[0] > 30
    assert scores[-1] > 10


@pytest.mark.parametrize(
    ("codec", "points"),
    [
        pytest.param(Hevc, [{"qp": qp} for qp in (4, 22, 37, 51)], marks=needs_hevc),
        pytest.param(Av1, [{"crf": crf} for crf in (4, 22, 42, 63)], marks=needs_av1),
        pytest.param(SvtAv1, [{"crf": crf} for crf in (1, 22, 42, 63)], marks=needs_svt_av1),
        pytest.param(
            JpegXl, [{"distance": distance} for distance in (0.2, 1, 4, 15)], marks=needs_jpegxl
        ),
    ],
)
def test_a_coarser_point_costs_less_and_errs_more(codec, points):
    image = smooth(64, 48)
    streams = [codec(**point).encode(image) for point in points]
    scores = [_psnr(image, codec(**points[0]).decode(stream)) for stream in streams]
    sizes = [len(stream) for stream in streams]
    assert scores == sorted(scores, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert scores[0] > 42
    assert scores[-1] > 10


@pytest.mark.parametrize(
    "codec",
    [
        pytest.param(partial(Av1, crf=0), marks=needs_av1),
        pytest.param(partial(JpegXl, distance=0), marks=needs_jpegxl),
    ],
    ids=["av1", "jpegxl"],
)
@pytest.mark.parametrize("draw", [smooth, noise])
def test_the_finest_point_is_lossless_where_it_is_said_to_be(codec, draw):
    image = draw(17, 33)
    assert np.array_equal(codec().decode(codec().encode(image)), image)


@pytest.mark.parametrize(
    "codec",
    [
        pytest.param(partial(Hevc, qp=10), marks=needs_hevc),
        pytest.param(partial(Av1, crf=10), marks=needs_av1),
        pytest.param(partial(JpegXl, distance=0.2), marks=needs_jpegxl),
    ],
    ids=["hevc", "av1", "jpegxl"],
)
def test_chroma_is_not_subsampled(codec):
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2, 0] = 255
    assert _psnr(image, codec().decode(codec().encode(image))) > 30


@needs_vvc
def test_perceptual_weighting_is_an_option():
    image = smooth(64, 80) // 2
    image[:, 40:] += noise(64, 40) // 4
    plain, weighted = (Vvc(qp=37, preset="faster", qpa=qpa) for qpa in (False, True))
    assert plain.fingerprint() != weighted.fingerprint()
    assert plain.encode(image) != weighted.encode(image)


@needs_vvc
@pytest.mark.parametrize("preset", ["faster", "fast", "medium", "slow", "slower"])
def test_every_preset(preset):
    codec = Vvc(qp=37, preset=preset)
    assert codec.decode(codec.encode(smooth(16, 16))).shape == (16, 16, 3)


@needs_vvc
def test_only_the_container_is_counted_as_header(vvc, bitstream):
    assert vvc.header_bytes(bitstream) == overhead(1)


@needs_vvc
def test_what_ffmpeg_cannot_hold_is_unsupported():
    with pytest.raises(Unsupported, match="3072 bytes"):
        Vvc(qp=0, preset="faster").encode(noise(64, 48))


@needs_vvc
def test_damage_is_refused(vvc, bitstream):
    flips = [_flip(bitstream, bit) for bit in range(0, 8 * len(bitstream), 7)]
    cuts = [bitstream[:length] for length in range(len(bitstream))]
    for damaged in flips + cuts:
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            vvc.decode(damaged)


@needs_vvc
def test_foreign_streams_are_refused(vvc, bitstream):
    image = smooth(33, 17)
    foreign = [
        Jpeg(quality=50).encode(image),
        Identity().encode(image),
        b"",
        noise(9, 9).tobytes(),
    ]
    for other in [*foreign, pack(b"else", 33, 17, [bitstream[overhead(1) - 4 : -4]])]:
        with pytest.raises(CodecError, match=ONE_SENTENCE):
            vvc.decode(other)


def _resealed(stream):
    return pack(VVC.container_id, 33, 17, [stream])


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


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        pytest.param(HEVC, partial(Hevc, qp=32), marks=needs_hevc),
        pytest.param(AV1, partial(Av1, crf=32), marks=needs_av1),
        pytest.param(SVT_AV1, partial(SvtAv1, crf=32), marks=needs_svt_av1),
        pytest.param(JPEGXL, partial(JpegXl, distance=2), marks=needs_jpegxl),
    ],
    ids=["hevc", "av1", "svt-av1", "jpegxl"],
)
def test_bad_streams_under_a_right_checksum_are_refused_at_once(form, codec, monkeypatch):
    made = codec()
    bitstream = made.encode(smooth(33, 17))
    stream = bitstream[overhead(1) - 4 : -4]
    monkeypatch.setattr(backends.external.program, "_START_S", 100)
    starts = (b"", b"\xff", b"\0", b"\0\0\0\x0c", stream[:3])
    for other in (*starts, stream[: len(stream) // 2], b"garbage" * 30):
        with pytest.raises(CodecError, match=r"^(?!.*was stopped)[^\n]+$"):
            made.decode(pack(form.container_id, 33, 17, [other]))


EVERY = [
    pytest.param(VVC, partial(Vvc, qp=40, preset="faster"), marks=needs_vvc, id="vvc"),
    pytest.param(HEVC, partial(Hevc, qp=40, preset="ultrafast"), marks=needs_hevc, id="hevc"),
    pytest.param(AV1, partial(Av1, crf=40, speed=8), marks=needs_av1, id="av1"),
    pytest.param(SVT_AV1, partial(SvtAv1, crf=40, preset=8), marks=needs_svt_av1, id="svt-av1"),
    pytest.param(JPEGXL, partial(JpegXl, distance=4, effort=1), marks=needs_jpegxl, id="jpegxl"),
]


@pytest.mark.parametrize(("form", "codec"), EVERY)
def test_a_stream_of_another_size_with_as_many_samples_is_refused(form, codec):
    made = codec()
    wide, small = (
        made.encode(smooth(*size))[overhead(1) - 4 : -4] for size in ((32, 128), (32, 64))
    )
    for stream, size in ((wide, (64, 64)), (wide, (128, 32)), (small * 2, (64, 64))):
        with pytest.raises(CodecError, match=r"holds a picture of 32x(128|64) instead of \d+x\d+ "):
            made.decode(pack(form.container_id, *size, [stream]))
    with pytest.raises(CodecError, match="bytes instead of"):
        made.decode(pack(form.container_id, 32, 64, [small * 2]))


@pytest.mark.parametrize(("form", "codec"), EVERY)
def test_a_stream_of_a_much_larger_picture_is_not_decoded(form, codec, monkeypatch):
    made, written = codec(), []
    stream = made.encode(smooth(512, 512))[overhead(1) - 4 : -4]
    monkeypatch.setattr(Scratch, "read", lambda self: written.append(_read(self)) or written[-1])
    with pytest.raises(CodecError, match=ONE_SENTENCE):
        made.decode(pack(form.container_id, 16, 16, [stream]))
    assert not any(written)


_read = Scratch.read


LIMITS = [
    pytest.param(partial(Vvc, qp=63, preset="faster"), (25328, 16), (25329, 16), marks=needs_vvc),
    pytest.param(partial(Vvc, qp=63, preset="faster"), (16, 16), (16, 25329), marks=needs_vvc),
    pytest.param(
        partial(Hevc, qp=51, preset="ultrafast"), (16, 4208), (16, 4209), marks=needs_hevc
    ),
    pytest.param(
        partial(Hevc, qp=51, preset="ultrafast"), (32, 4209), (4209, 31), marks=needs_hevc
    ),
    pytest.param(partial(Av1, crf=63, speed=8), (16384, 1), (16385, 1), marks=needs_av1),
    pytest.param(partial(SvtAv1, crf=63, preset=9), (8704, 1), (8705, 1), marks=needs_svt_av1),
    pytest.param(partial(SvtAv1, crf=63, preset=9), (1, 16384), (1, 16385), marks=needs_svt_av1),
    pytest.param(
        partial(JpegXl, distance=15, effort=1), (1, 65535), (1, 65536), marks=needs_jpegxl
    ),
]


@pytest.mark.parametrize(("codec", "largest", "larger"), LIMITS)
def test_a_size_that_a_codec_cannot_code_is_unsupported(codec, largest, larger, monkeypatch):
    made = codec()
    image = np.zeros((*largest, 3), np.uint8)
    assert made.decode(made.encode(image)).shape == image.shape
    monkeypatch.setattr(Program, "run", lambda *_, **__: pytest.fail("a program was started"))
    with pytest.raises(Unsupported, match=rf"picture has {larger[0]}x{larger[1]} \(height"):
        made.encode(np.zeros((*larger, 3), np.uint8))


@needs_vvc
def test_the_line_that_states_the_cause_is_quoted(vvc):
    stream = b"\0\0\1\0\x79" + bytes(9)
    with pytest.raises(CodecError, match=r"exit code \d+: \[vvc\] Invalid value"):
        vvc.decode(_resealed(stream))


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


@pytest.mark.parametrize(
    ("codec", "parts"),
    [
        pytest.param(
            partial(Hevc, qp=32), r"hevc .*qp=32.* libx265 \d\S+ colour 1$", marks=needs_hevc
        ),
        pytest.param(
            partial(Av1, crf=32), r"av1 .*crf=32.* libaom-av1 \d\S+ colour 1$", marks=needs_av1
        ),
        pytest.param(
            partial(SvtAv1, crf=32),
            r"svt-av1 .*crf=32 preset=2.* libsvtav1 \d\S+ colour 1$",
            marks=needs_svt_av1,
        ),
        pytest.param(
            partial(JpegXl, distance=2),
            r"jpegxl .*distance=2.* libjxl by its work [0-9a-f]{12} rgb24$",
            marks=needs_jpegxl,
        ),
    ],
    ids=["hevc", "av1", "svt-av1", "jpegxl"],
)
def test_the_fingerprint_names_the_library(codec, parts):
    assert re.match(parts, codec().fingerprint())


def test_every_codec_has_ranges():
    for codec, params in (
        (Hevc, {"qp": 52}),
        (Hevc, {"qp": 32, "preset": "slowest"}),
        (Av1, {"crf": 64}),
        (Av1, {"crf": 32, "speed": 9}),
        (SvtAv1, {"crf": 0}),
        (SvtAv1, {"crf": 32, "preset": 10}),
        (JpegXl, {"distance": 16}),
        (JpegXl, {"distance": 1, "effort": 0}),
    ):
        with pytest.raises(ValidationError):
            codec(**params)


@pytest.mark.parametrize("distance", [15.5, 25])
def test_a_distance_that_only_libjxl_takes_is_refused_with_the_reason(distance):
    with pytest.raises(ConfigError, match=rf"^[^\n]*ffmpeg gives libjxl .* 15 .*got {distance}"):
        instantiate("codec", ComponentSpec("jpegxl", (("distance", distance),)))


@pytest.mark.parametrize("params", [{"qp": -1}, {"qp": 64}, {"qp": 32, "preset": "slowest"}])
def test_parameters_have_ranges(params):
    with pytest.raises(ValidationError):
        Vvc(**params)


@needs_vvc
def test_libvvenc_is_asked_for_what_was_measured(monkeypatch):
    codec, asked = Vvc(qp=32), []
    monkeypatch.setattr(Program, "run", lambda *args: asked.extend(args[1]))
    with pytest.raises(CodecError, match="wrote no bitstream"):
        codec.encode(smooth(17, 33))
    source, sink = " ".join(asked).split(" -i pipe:0 ")
    assert source == "-f rawvideo -pix_fmt yuv420p10le -s 34x18"
    settings, target = sink.removeprefix("-").split(" /dev/fd/")
    assert set(settings.split(" -")) == set(FACTS.removeprefix("-").split(" -"))
    assert target.partition(" ")[2] == "-hide_banner -xerror -loglevel error -y"


def test_time_limits_grow_with_the_picture_and_the_preset():
    small, large = (time_limit(45, side, side) for side in (256, 1024))
    assert 60 < small < large < time_limit(170, 1024, 1024)


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
