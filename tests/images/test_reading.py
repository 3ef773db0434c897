"""Picture files: every format and kind of sample, and damage that must never go unnoticed."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import PngImagePlugin
from skimage import data

from bench.errors import ImageError
from bench.images.reader import read

RNG = np.random.default_rng(0)
COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
PHOTO = data.coffee()[100:164, 200:296]


def deep(*channels):
    return RNG.integers(0, 65536, (20, 30, *channels), dtype=np.uint16)


def to_eight_bits(samples):
    return np.rint(samples / 257).astype(np.uint8)


def deep_png(samples):
    """A 16-bit PNG, which Pillow writes for grey alone."""
    rows = samples.astype(">u2").reshape(len(samples), -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    kind = COLOUR_TYPE[samples.shape[2]]
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*pair) for pair in chunks)


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def tiff(samples, **options):
    file = BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


@pytest.fixture
def reading(tmp_path):
    """Read what a Pillow image, or bytes, give as a file."""

    def read_back(content, suffix="png", **options):
        path = tmp_path / f"picture.{suffix}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **options)
        return read(path)

    return read_back


def assert_reads(pixels, expected, note):
    assert pixels.note == note
    assert pixels.image.dtype == np.uint8
    assert np.array_equal(pixels.image, expected)
    assert pixels.image.flags.c_contiguous
    assert pixels.image.flags.writeable


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("png", {}), ("webp", {"lossless": True}), ("tif", {}), ("tiff", {"compression": "tiff_lzw"})],
)
def test_lossless_formats_are_read_exactly(reading, suffix, options):
    assert_reads(reading(Pillow.fromarray(PHOTO), suffix, **options), PHOTO, "")


def test_jpeg_is_read(reading):
    pixels = reading(Pillow.fromarray(PHOTO), "jpg", quality=95)
    assert pixels.note == ""
    assert np.abs(pixels.image.astype(int) - PHOTO).mean() < 3


def test_the_content_counts_and_not_the_suffix(reading):
    file = BytesIO()
    Pillow.fromarray(PHOTO).save(file, "png")
    assert_reads(reading(file.getvalue(), "jpg"), PHOTO, "")


def test_grey_is_replicated(reading):
    grey = PHOTO[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert_reads(reading(Pillow.fromarray(grey)), expected, "grey replicated to RGB")


def test_black_and_white_is_grey(reading):
    bits = PHOTO[..., 0] > 128
    expected = np.repeat(bits[..., None], 3, axis=2) * np.uint8(255)
    assert_reads(reading(Pillow.fromarray(bits)), expected, "grey replicated to RGB")


def test_a_palette_is_expanded(reading):
    image = Pillow.fromarray(PHOTO).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    assert_reads(reading(image), expected, "palette expanded to RGB")


def test_a_transparent_palette_entry_is_laid_over_black(reading):
    image = Pillow.fromarray(PHOTO).quantize(16)
    expected = np.asarray(image.convert("RGB")) * (np.asarray(image) != 3)[..., None]
    note = "palette expanded to RGB, alpha laid over black"
    assert_reads(reading(image, transparency=3), expected, note)


def test_opaque_alpha_is_dropped(reading):
    image = Pillow.fromarray(PHOTO)
    image.putalpha(255)
    assert_reads(reading(image), PHOTO, "opaque alpha dropped")


def test_alpha_is_laid_over_black(reading):
    alpha = RNG.integers(0, 256, PHOTO.shape[:2], dtype=np.uint8)
    image = Pillow.fromarray(np.dstack([PHOTO, alpha]))
    expected = np.rint(PHOTO.astype(float) * alpha[..., None] / 255)
    assert_reads(reading(image), expected, "alpha laid over black")


def test_grey_with_alpha(reading):
    pair = np.dstack([PHOTO[..., 0], np.full(PHOTO.shape[:2], 51, np.uint8)])
    expected = np.repeat(np.rint(pair[..., :1] / 5), 3, axis=2)
    note = "grey replicated to RGB, alpha laid over black"
    assert_reads(reading(Pillow.fromarray(pair)), expected, note)


def test_one_transparent_colour_is_laid_over_black(reading):
    image = Pillow.fromarray(np.uint8([[[9, 9, 9], [1, 2, 3]]]))
    expected = [[[9, 9, 9], [0, 0, 0]]]
    assert_reads(reading(image, transparency=(1, 2, 3)), expected, "alpha laid over black")


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_png_is_rounded_to_the_nearest_level(reading, channels):
    samples = deep(channels)
    expected = np.broadcast_to(to_eight_bits(samples), (20, 30, 3))
    note = "16-bit reduced to 8" + (", grey replicated to RGB" if channels == 1 else "")
    assert_reads(reading(deep_png(samples)), expected, note)


@pytest.mark.parametrize("channels", [2, 4])
def test_16_bit_png_with_alpha(reading, channels):
    samples = deep(channels)
    pixels = reading(deep_png(samples))
    exact = samples[..., :-1] / 65535 * samples[..., -1:] / 65535 * 255
    assert np.abs(pixels.image - exact).max() < 0.51
    assert pixels.note.startswith("16-bit reduced to 8")
    assert pixels.note.endswith("alpha laid over black")


def test_every_level_survives_16_bits(reading):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    pixels = reading(deep_png(levels.astype(np.uint16) * 257))
    assert np.array_equal(pixels.image, levels)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_tiff(reading, compression, byteorder):
    samples = deep(3)
    file = tiff(samples, photometric="rgb", compression=compression, byteorder=byteorder)
    assert_reads(reading(file, "tif"), to_eight_bits(samples), "16-bit reduced to 8")


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_grey_tiff(reading, byteorder):
    samples = deep()
    expected = np.repeat(to_eight_bits(samples)[..., None], 3, axis=2)
    note = "16-bit reduced to 8, grey replicated to RGB"
    assert_reads(reading(tiff(samples, byteorder=byteorder), "tif"), expected, note)


def test_tiff_of_separate_planes(reading):
    planes = np.ascontiguousarray(PHOTO.transpose(2, 0, 1))
    file = tiff(planes, photometric="rgb", planarconfig="separate")
    assert_reads(reading(file, "tif"), PHOTO, "")


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (deep(3).transpose(2, 0, 1).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        (deep(), {"photometric": "miniswhite"}),
        (deep().astype(np.uint32), {}),
        (deep().astype(np.float32), {}),
        (deep(4), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    ],
)
def test_tiffs_that_would_be_read_wrongly_are_refused(reading, samples, options):
    with pytest.raises(ImageError, match=r"picture\.tif .*; (convert|remove) it"):
        reading(tiff(samples, **options), "tif")


def test_cmyk_is_refused_with_the_way_out(reading):
    with pytest.raises(ImageError, match=r"picture\.jpg holds CMYK samples, .* convert it to RGB"):
        reading(Pillow.fromarray(PHOTO).convert("CMYK"), "jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("webp", {"lossless": True})])
def test_exif_orientation_is_applied(reading, orientation, suffix, options):
    exif = Pillow.Exif()
    exif[274] = orientation
    pixels = reading(Pillow.fromarray(PHOTO), suffix, exif=exif, **options)
    note = f"turned upright (EXIF orientation {orientation})" if orientation > 1 else ""
    assert_reads(pixels, upright(PHOTO, orientation), note)


def upright(stored, orientation):
    """The EXIF standard's table: where row 0 and column 0 of what is stored belong."""
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored.transpose(1, 0, 2)[:, ::-1],
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored.transpose(1, 0, 2)[::-1],
    }
    return turned[orientation]


def test_a_rotated_jpeg_is_turned_upright(reading):
    exif = Pillow.Exif()
    exif[274] = 6
    pixels = reading(Pillow.fromarray(PHOTO), "jpg", exif=exif, quality=95)
    assert pixels.note == "turned upright (EXIF orientation 6)"
    assert np.abs(pixels.image.astype(int) - upright(PHOTO, 6)).mean() < 3


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_rotated_16_bit_tiff_is_turned_upright(reading, compression):
    samples = deep(3)
    rotated = [(274, "H", 1, 6, True)]
    file = tiff(samples, photometric="rgb", compression=compression, extratags=rotated)
    note = "turned upright (EXIF orientation 6), 16-bit reduced to 8"
    assert_reads(reading(file, "tif"), upright(to_eight_bits(samples), 6), note)


def test_of_several_frames_the_first_is_taken_and_that_is_said(reading):
    image, other = Pillow.fromarray(PHOTO), Pillow.fromarray(PHOTO[::-1])
    pixels = reading(image, "tif", save_all=True, append_images=[other])
    assert_reads(pixels, PHOTO, "first of 2 frames")


def test_a_colour_profile_is_not_applied(reading):
    pixels = reading(Pillow.fromarray(PHOTO), icc_profile=b"not even a profile")
    assert np.array_equal(pixels.image, PHOTO)


def encoded(suffix, options):
    file = BytesIO()
    Pillow.fromarray(PHOTO).save(file, suffix, **options)
    return file.getvalue()


FILES = [
    pytest.param("png", {}, id="png"),
    pytest.param("jpeg", {}, id="jpeg"),
    pytest.param("webp", {}, id="webp"),
    pytest.param("tiff", {}, id="tiff"),
    pytest.param("tiff", {"compression": "tiff_lzw"}, id="tiff-lzw"),
]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
@pytest.mark.parametrize(("suffix", "options"), FILES)
def test_a_truncated_file_is_one_sentence_with_the_way_out(reading, suffix, options, share):
    whole = encoded(suffix, options)
    with pytest.raises(
        ImageError, match=r"cannot be read \(.+\); remove it or repair it$"
    ) as error:
        reading(whole[: int(len(whole) * share)], suffix)
    assert "\n" not in str(error.value)
    assert "0x" not in str(error.value)


@pytest.mark.parametrize(("suffix", "options"), FILES)
def test_a_damaged_file_never_ends_in_a_traceback(reading, suffix, options):
    whole = encoded(suffix, options)
    for damaged in flipped(whole, len(whole)):
        try:
            pixels = reading(damaged, suffix)
        except ImageError:
            continue
        assert pixels.image.ndim == 3


def test_a_damaged_png_is_always_noticed(reading):
    """PNG has checksums; only the empty chunk at its end, of 12 bytes, says nothing."""
    whole = encoded("png", {})
    for damaged in flipped(whole, len(whole) - 12):
        with pytest.raises(ImageError):
            reading(damaged)


def flipped(whole, end):
    rng = np.random.default_rng(1)
    for position in rng.integers(0, end, 80):
        damaged = bytearray(whole)
        damaged[position] ^= int(rng.integers(1, 256))
        yield bytes(damaged)


def test_text_is_no_picture(reading):
    with pytest.raises(ImageError, match=r"it is no PNG, JPEG, WebP or TIFF picture"):
        reading(b"height,width\n512,768\n")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ImageError, match=r"x\.png cannot be read \(No such file or directory\)"):
        read(tmp_path / "x.png")


def test_a_picture_too_large_to_decode_is_reported(reading):
    file = deep_png(deep(3))
    huge = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    with pytest.raises(ImageError, match="exceeds limit"):
        reading(file[:8] + chunk(b"IHDR", huge) + file[33:])


def test_text_in_a_png_does_no_harm(reading):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 1000, zip=True)
    assert_reads(reading(Pillow.fromarray(PHOTO), pnginfo=info), PHOTO, "")
