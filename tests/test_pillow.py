from __future__ import annotations

import io
from importlib import metadata

import numpy as np
import pytest
from PIL import Image as Pictures
from PIL import ImageFile
from pydantic import ValidationError

from backends.pillow import Identity, Jpeg
from bench.errors import CodecError, Unsupported

SIZES = [(1, 1), (1, 7), (17, 33), (64, 48)]


def _smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (14, 7), (20, 30))]
    return np.stack(waves, axis=-1).astype(np.uint8)


def _noise(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _grey(height, width):
    return np.repeat(_noise(height, width)[..., :1], 3, axis=2)


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
@pytest.mark.parametrize("draw", [_smooth, _noise, _grey])
def test_identity_gives_back_the_very_picture(draw, size):
    image = draw(*size)
    decoded = Identity().decode(Identity().encode(image))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", [_smooth, _grey])
def test_jpeg_comes_back_close_and_of_its_size(draw, size):
    image = draw(*size)
    decoded = Jpeg(quality=95).decode(Jpeg(quality=95).encode(image))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert _mse(image, decoded) < 10


def test_jpeg_errs_less_and_costs_more_with_quality():
    image = _smooth(64, 48)
    files = [Jpeg(quality=quality).encode(image) for quality in (1, 30, 60, 90, 100)]
    errors = [_mse(image, Jpeg(quality=1).decode(file)) for file in files]
    assert errors == sorted(errors, reverse=True)
    assert [len(file) for file in files] == sorted(len(file) for file in files)


def test_jpeg_keeps_the_full_size_of_chroma():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2, 0] = 255
    assert _mse(image, Jpeg(quality=100).decode(Jpeg(quality=100).encode(image))) < 2


@pytest.mark.parametrize(("codec", "form"), [(Jpeg(quality=50), "JPEG"), (Identity(), "PNG")])
def test_the_bitstream_is_a_plain_file_and_always_the_same(codec, form):
    image = _smooth(17, 33)
    bitstream = codec.encode(image)
    assert Pictures.open(io.BytesIO(bitstream)).format == form
    assert codec.header_bytes(bitstream) == 0
    assert codec.encode(image) == bitstream


@pytest.mark.parametrize("codec", [Jpeg(quality=50), Identity()])
def test_every_truncation_is_refused(codec):
    bitstream = codec.encode(_smooth(17, 33))
    for length in range(len(bitstream)):
        with pytest.raises(CodecError, match=r"^[^\n]+$"):
            codec.decode(bitstream[:length])


def test_identity_refuses_every_flipped_bit():
    for damaged in _flips(Identity().encode(_smooth(9, 5))):
        with pytest.raises(CodecError, match=r"^[^\n]+$"):
            Identity().decode(damaged)


def _is_refused(codec, bitstream):
    try:
        decoded = codec.decode(bitstream)
    except CodecError:
        return True
    assert decoded.dtype == np.uint8
    return False


def test_a_damaged_jpeg_is_refused_or_decodes():
    codec = Jpeg(quality=50)
    refused = [_is_refused(codec, damaged) for damaged in _flips(codec.encode(_smooth(9, 5)))]
    assert 0.1 < np.mean(refused) < 0.9


@pytest.mark.parametrize("codec", [Jpeg(quality=50), Identity()])
@pytest.mark.parametrize(
    "other",
    [
        b"",
        _noise(8, 8).tobytes(),
        _file(_smooth(8, 8), "WEBP"),
        _file(_smooth(8, 8), "GIF"),
        _file(_smooth(8, 8)[..., 0], "JPEG"),
        _file(_smooth(8, 8)[..., 0], "PNG"),
        _file(np.dstack((_smooth(8, 8), _smooth(8, 8)[..., :1])), "PNG"),
    ],
    ids=["nothing", "noise", "webp", "gif", "grey jpeg", "grey png", "png with alpha"],
)
def test_other_streams_are_refused(codec, other):
    with pytest.raises(CodecError):
        codec.decode(other)


def test_each_refuses_the_others_files():
    image = _smooth(8, 8)
    with pytest.raises(CodecError):
        Identity().decode(Jpeg(quality=50).encode(image))
    with pytest.raises(CodecError):
        Jpeg(quality=50).decode(Identity().encode(image))


@pytest.mark.parametrize("pixels", [20, 40])
def test_decompression_bombs_are_refused(monkeypatch, pixels):
    bitstream = Identity().encode(_smooth(8, 8))
    monkeypatch.setattr(Pictures, "MAX_IMAGE_PIXELS", pixels)
    with pytest.raises(CodecError, match="bomb"):
        Identity().decode(bitstream)


def test_damage_is_refused_even_where_the_program_allows_it(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for damaged in _flips(Identity().encode(_smooth(2, 3))):
        with pytest.raises(CodecError):
            Identity().decode(damaged)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_jpeg_says_which_sizes_it_cannot_hold():
    with pytest.raises(Unsupported, match="65500 pixels a side"):
        Jpeg(quality=50).encode(np.zeros((1, 65501, 3), np.uint8))


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
