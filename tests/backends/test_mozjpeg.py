"""MozJPEG through libvips; the conformance tests are in tests/contracts."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("pyvips", reason="mozjpeg needs the extra 'mozjpeg'")

from backends.mozjpeg import MozJpeg
from backends.pillow import Jpeg
from bench.container import overhead
from bench.errors import CodecError, Unsupported
from bench.images.image_set import ImageSpec, load
from pictures import noise, smooth


def _error(codec, bitstream, image):
    return np.mean((codec.decode(bitstream).astype(float) - image) ** 2)


def _photograph():
    (picture,) = load(ImageSpec(set="sample", names=("coffee",)), Path())
    return picture.pixels


def test_trellis_quantisation_saves_bytes():
    """Libvips without MozJPEG ignores it, and needs about as many bytes as Pillow."""
    image, jpeg, moz = _photograph(), Jpeg(quality=30), MozJpeg(quality=30)
    plain, better = jpeg.encode(image), moz.encode(image)
    assert len(better) < 0.85 * len(plain)
    assert _error(moz, better, image) < 1.3 * _error(jpeg, plain, image)


def test_a_higher_quality_costs_more_and_errs_less():
    image = smooth(64, 48) // 2 + noise(64, 48) // 4
    codecs = [MozJpeg(quality=quality) for quality in (1, 20, 60, 95)]
    streams = [codec.encode(image) for codec in codecs]
    errors = [_error(codecs[0], stream, image) for stream in streams]
    assert sorted(streams, key=len) == streams
    assert sorted(errors, reverse=True) == errors


def test_colour_is_not_subsampled():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2, 0] = 255
    codec = MozJpeg(quality=95)
    assert _error(codec, codec.encode(image), image) < 65


def test_the_file_is_progressive_jpeg_and_nothing_else():
    file = MozJpeg(quality=50).encode(smooth(17, 33))[overhead(1) - 4 : -4]
    assert file[:2] == b"\xff\xd8"
    assert file[-2:] == b"\xff\xd9"
    assert b"\xff\xc2" in file
    assert b"\xff\xc0" not in file


def test_the_fingerprint_names_the_encoder_and_the_decoder():
    fingerprint = MozJpeg(quality=50).fingerprint()
    for part in ("mozjpeg quality=50", "libvips 8.", "by its work", "libjpeg_turbo"):
        assert part in fingerprint
    assert fingerprint != MozJpeg(quality=51).fingerprint()


def test_a_jpeg_of_the_other_codec_is_refused():
    with pytest.raises(CodecError):
        MozJpeg(quality=50).decode(Jpeg(quality=50).encode(smooth(17, 33)))


def test_a_side_that_jpeg_cannot_hold_is_unsupported():
    with pytest.raises(Unsupported, match="65500"):
        MozJpeg(quality=1).encode(np.zeros((1, 65501, 3), np.uint8))


@pytest.mark.parametrize("quality", [0, 101])
def test_the_quality_has_a_range(quality):
    with pytest.raises(ValidationError):
        MozJpeg(quality=quality)
