"""Picture files that programs read and write."""

from __future__ import annotations

import numpy as np
import pytest

from backends.external import picture_file
from bench.errors import CodecError
from pictures import noise

ONE_SENTENCE = r"^[^\n]+$"


def _file(tmp_path, mode, suffix="png"):
    from PIL import Image

    path = tmp_path / f"file.{suffix}"
    Image.new(mode, (5, 4), 1).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("mode", "suffix", "message"),
    [
        ("I;16", "png", "samples of 16 bits; let the decoder write RGB of 8 bits"),
        ("I;16", "tiff", "samples of 16 bits; let"),
        ("F", "tiff", "has F samples of 32 bits"),
        ("RGBA", "png", "is transparent"),
    ],
)
def test_a_picture_that_is_not_rgb_of_8_bits_is_refused(tmp_path, mode, suffix, message):
    with pytest.raises(CodecError, match=message):
        picture_file.read(_file(tmp_path, mode, suffix), suffix, (4, 5))


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_and_palettes_become_rgb(tmp_path, mode):
    picture = picture_file.read(_file(tmp_path, mode), "png", (4, 5))
    assert picture.shape == (4, 5, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("suffix", picture_file.SUFFIXES)
def test_a_picture_file_that_ends_early_is_refused(suffix):
    file = picture_file.write(noise(16, 16), suffix)
    with pytest.raises(CodecError, match=ONE_SENTENCE):
        picture_file.read(file[: len(file) // 2], suffix, (16, 16))
