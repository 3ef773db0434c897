from __future__ import annotations

import io
from importlib import metadata

import numpy as np
import pytest
from PIL import Image as Pictures
from PIL import ImageFile
from pydantic import ValidationError

from backends.pillow import Avif, Identity, Jpeg, Jpeg2000, WebP
from backends.pillow_formats import avif_availability
from bench.container import overhead, pack, unpack
from bench.errors import CodecError, ConfigError, Unsupported
from bench.metrics.scores import psnr
from pictures import noise, smooth

SIZES = [(1, 1), (1, 7), (17, 33), (64, 48)]


def _grey(height, width):
    return np.repeat(noise(height, width)[..., :1], 3, axis=2)


def _mse(image, other):
    return np.mean((image.astype(float) - other) ** 2)


def _file(image, form, **options):
    file = io.BytesIO()
    Pictures.fromarray(image).save(file, form, **options)
    return file.getvalue()


def _flips(bitstream):
    for bit in range(8 * len(bitstream)):
        damaged = bytearray(bitstream)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", [smooth, noise, _grey])
def test_identity_gives_back_the_very_picture(draw, size):
    image = draw(*size)
    decoded = Identity().decode(Identity().encode(image))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", [smooth, _grey])
def test_jpeg_comes_back_close_and_of_its_size(draw, size):
    image = draw(*size)
    decoded = Jpeg(quality=95).decode(Jpeg(quality=95).encode(image))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert _mse(image, decoded) < 10


def test_jpeg_errs_less_and_costs_more_with_quality():
    image = smooth(64, 48)
    files = [Jpeg(quality=quality).encode(image) for quality in (1, 30, 60, 90, 100)]
    errors = [_mse(image, Jpeg(quality=1).decode(file)) for file in files]
    assert errors == sorted(errors, reverse=True)
    assert [len(file) for file in files] == sorted(len(file) for file in files)


@pytest.mark.parametrize("quality", [60, 85, 94, 100])
def test_jpeg_codes_noise_of_more_bits_than_pillow_expects(quality):
    """Pillow's buffer for optimised tables holds 8 bits per pixel, 16 from quality 95."""
    codec, image = Jpeg(quality), noise(300, 300)
    stream = codec.encode(image)
    assert (8 * len(stream) > 8 * 300 * 300) == (quality > 60)
    assert psnr(image, codec.decode(stream)) > 15
    assert stream == codec.encode(image)


def test_jpeg_keeps_the_full_size_of_chroma():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2, 0] = 255
    assert _mse(image, Jpeg(quality=100).decode(Jpeg(quality=100).encode(image))) < 2


@pytest.mark.parametrize(
    ("codec", "points"),
    [
        (WebP, [{"quality": quality} for quality in (1, 30, 60, 100)]),
        (Avif, [{"quality": quality} for quality in (1, 30, 60, 90)]),
        (Jpeg2000, [{"ratio": ratio} for ratio in (40, 20, 10, 5)]),
    ],
)
def test_a_finer_point_errs_less_and_costs_more(codec, points):
    image = smooth(64, 80) // 2 + noise(64, 80) // 8
    files = [codec(**point).encode(image) for point in points]
    errors = [_mse(image, codec(**points[0]).decode(file)) for file in files]
    assert errors == sorted(errors, reverse=True)
    assert [len(file) for file in files] == sorted(len(file) for file in files)


@pytest.mark.parametrize("codec", [Avif(quality=90), Jpeg2000(ratio=4)])
def test_they_keep_the_full_size_of_chroma_too(codec):
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2, 0] = 255
    assert _mse(image, codec.decode(codec.encode(image))) < 40


@pytest.mark.parametrize("codec", [Jpeg(quality=95), WebP(quality=95), Avif(quality=95)])
def test_grey_stays_grey(codec):
    decoded = codec.decode(codec.encode(_grey(17, 33) // 4)).astype(int)
    assert np.ptp(decoded, axis=2).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 70), (17, 33)])
def test_jpeg2000_codes_a_picture_or_says_that_headers_fill_its_size(size):
    image = smooth(*size)
    for ratio in (1, 2, 4, 8):
        codec = Jpeg2000(ratio=ratio)
        if image.size / ratio < 200:
            with pytest.raises(Unsupported, match="lower the ratio"):
                codec.encode(image)
        else:
            error = _mse(image, codec.decode(codec.encode(image)))
            assert error < np.var(image.astype(float)) / 4


@pytest.mark.parametrize("ratio", [8, 40, 100])
def test_jpeg2000_has_the_size_asked_for_whatever_the_picture(ratio):
    for image in (smooth(128, 128) // 2 + noise(128, 128) // 8, noise(128, 128)):
        length = len(Jpeg2000(ratio=ratio).encode(image)) - overhead(1)
        assert 0.8 < length * ratio / image.size < 1.1


CODECS = {
    "JPEG": Jpeg(quality=50),
    "JPEG2000": Jpeg2000(ratio=2),
    "WEBP": WebP(quality=50),
    "AVIF": Avif(quality=50),
}


@pytest.mark.parametrize("form", CODECS)
def test_a_plain_file_lies_in_the_container(form):
    codec, image = CODECS[form], smooth(17, 33)
    bitstream = codec.encode(image)
    file = unpack(codec._form.container_id, bitstream).sections[0]
    assert Pictures.open(io.BytesIO(file)).format == form
    assert codec.header_bytes(bitstream) == len(bitstream) - len(file) == overhead(1)


def test_the_reference_is_a_plain_file():
    bitstream = Identity().encode(smooth(17, 33))
    assert Pictures.open(io.BytesIO(bitstream)).format == "PNG"
    assert Identity().header_bytes(bitstream) == 0


def test_every_truncation_is_refused():
    bitstream = Identity().encode(smooth(17, 33))
    for length in range(len(bitstream)):
        with pytest.raises(CodecError, match=r"^[^\n]+$"):
            Identity().decode(bitstream[:length])


def test_identity_refuses_every_flipped_bit():
    for damaged in _flips(Identity().encode(smooth(9, 5))):
        with pytest.raises(CodecError, match=r"^[^\n]+$"):
            Identity().decode(damaged)


def _is_refused(codec, bitstream):
    try:
        decoded = codec.decode(bitstream)
    except CodecError:
        return True
    assert decoded.dtype == np.uint8
    return False


def _resealed(codec, file, size=(9, 15)):
    return pack(codec._form.container_id, *size, [file])


@pytest.mark.parametrize("form", CODECS)
def test_damage_under_a_right_checksum_is_refused_or_gives_a_picture_of_its_size(form):
    codec, rng = CODECS[form], np.random.default_rng(4)
    image = smooth(9, 15)
    file = unpack(codec._form.container_id, codec.encode(image)).sections[0]
    for bit in rng.choice(8 * len(file), min(600, 8 * len(file)), replace=False):
        damaged = bytearray(file)
        damaged[bit // 8] ^= 1 << bit % 8
        assert _is_refused_or_of(image.shape, codec, _resealed(codec, bytes(damaged)))


@pytest.mark.parametrize("form", CODECS)
@pytest.mark.parametrize("size", [(40, 80), (80, 40), (3200, 1)])
def test_a_file_of_another_size_is_refused_before_it_is_decoded(form, size, monkeypatch):
    codec = CODECS[form]
    file = unpack(codec._form.container_id, codec.encode(smooth(64, 50))).sections[0]
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(CodecError, match=rf"picture of 64x50 instead of {size[0]}x{size[1]} \("):
        codec.decode(_resealed(codec, file, size))


def _is_refused_or_of(shape, codec, bitstream):
    try:
        return codec.decode(bitstream).shape == shape
    except CodecError as error:
        return "\n" not in str(error)


@pytest.mark.parametrize("form", CODECS)
@pytest.mark.parametrize(
    "other",
    [
        b"",
        noise(8, 8).tobytes(),
        _file(smooth(8, 8), "PNG"),
        _file(smooth(8, 8), "GIF"),
        _file(smooth(8, 8)[..., 0], "JPEG"),
        _file(smooth(8, 8), "JPEG"),
        _file(smooth(8, 8), "WEBP"),
        _file(smooth(8, 8), "AVIF") if avif_availability() is None else b"",
    ],
    ids=["nothing", "noise", "png", "gif", "grey jpeg", "jpeg", "webp", "avif"],
)
def test_other_files_are_refused_even_under_a_right_checksum(form, other):
    with pytest.raises(CodecError, match=r"^[^\n]+$"):
        CODECS[form].decode(_resealed(CODECS[form], other))


@pytest.mark.parametrize(
    "other",
    [
        b"",
        noise(8, 8).tobytes(),
        _file(smooth(8, 8), "WEBP"),
        _file(smooth(8, 8)[..., 0], "PNG"),
        _file(np.dstack((smooth(8, 8), smooth(8, 8)[..., :1])), "PNG"),
    ],
    ids=["nothing", "noise", "webp", "grey png", "png with alpha"],
)
def test_other_files_are_no_reference(other):
    with pytest.raises(CodecError):
        Identity().decode(other)


def test_each_refuses_the_others_files():
    image = smooth(8, 8)
    with pytest.raises(CodecError):
        Identity().decode(Jpeg(quality=50).encode(image))
    with pytest.raises(CodecError):
        Jpeg(quality=50).decode(Identity().encode(image))


def test_decompression_bombs_are_refused(monkeypatch):
    bitstream = Identity().encode(smooth(8, 8))
    monkeypatch.setattr(Pictures, "MAX_IMAGE_PIXELS", 31)
    with pytest.raises(CodecError, match="bomb"):
        Identity().decode(bitstream)


def test_what_pillow_only_warns_of_as_large_is_decoded(monkeypatch):
    bitstream = Identity().encode(smooth(8, 8))
    monkeypatch.setattr(Pictures, "MAX_IMAGE_PIXELS", 32)
    assert np.array_equal(Identity().decode(bitstream), smooth(8, 8))


def test_damage_is_refused_even_where_the_program_allows_it(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for damaged in _flips(Identity().encode(smooth(2, 3))):
        with pytest.raises(CodecError):
            Identity().decode(damaged)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_jpeg_says_which_sizes_it_cannot_hold():
    with pytest.raises(Unsupported, match="65500 pixels per side"):
        Jpeg(quality=50).encode(np.zeros((1, 65501, 3), np.uint8))


def test_webp_says_which_sizes_it_cannot_hold():
    with pytest.raises(Unsupported, match="16383 pixels per side"):
        WebP(quality=50).encode(np.zeros((16384, 1, 3), np.uint8))


@pytest.mark.skipif(avif_availability() is not None, reason=avif_availability() or "")
def test_avif_says_which_sizes_it_cannot_hold():
    codec = Avif(quality=1, speed=10)
    image = np.zeros((1, 32768, 3), np.uint8)
    assert codec.decode(codec.encode(image)).shape == image.shape
    with pytest.raises(Unsupported, match="32768 pixels per side"):
        codec.encode(np.zeros((32769, 1, 3), np.uint8))


def test_a_pillow_without_a_format_says_so(monkeypatch):
    monkeypatch.setattr("backends.pillow_formats.features.check", lambda feature: False)
    with pytest.raises(ConfigError, match="drop avif from the suite"):
        Avif(quality=50)
    assert "pip install --upgrade pillow" in (avif_availability() or "")


@pytest.mark.parametrize(
    ("codec", "params"),
    [(WebP, {"quality": 101}), (Avif, {"quality": -1}), (Jpeg2000, {"ratio": 0.5})],
)
def test_parameters_have_ranges(codec, params):
    with pytest.raises(ValidationError):
        codec(**params)


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_quality_has_a_range(quality):
    with pytest.raises(ValidationError, match="quality"):
        Jpeg(quality=quality)


def test_fingerprints_name_versions_and_parameters():
    fingerprint = Jpeg(quality=50).fingerprint()
    assert metadata.version("pillow") in fingerprint
    assert "libjpeg_turbo" in fingerprint
    assert "quality=50" in fingerprint
    assert fingerprint != Jpeg(quality=51).fingerprint()
    assert "zlib" in Identity().fingerprint()
    assert "aom" in Avif(quality=50).fingerprint()
