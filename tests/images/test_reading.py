"""Picture files: every format and kind of sample, and damage that must never go unnoticed."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageFile, PngImagePlugin
from skimage import data

from backends.pillow import Identity
from bench.errors import CodecError, ImageError
from bench.images.png import decode_png
from bench.images.reader import read

RNG = np.random.default_rng(0)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
ADAM7 = (
    *(np.s_[::8, ::8], np.s_[::8, 4::8], np.s_[4::8, ::4], np.s_[::4, 2::4]),
    *(np.s_[2::4, ::2], np.s_[::2, 1::2], np.s_[1::2, :]),
)
PHOTO = data.coffee()[100:164, 200:296]


def deep(*channels):
    return RNG.integers(0, 65536, (20, 30, *channels), dtype=np.uint16)


def to_eight_bits(samples):
    return np.rint(samples / 257).astype(np.uint8)


def deep_png(samples):
    """A 16-bit PNG, which Pillow writes for grey alone."""
    rows = samples.astype(">u2").reshape(len(samples), -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    return png(samples.shape, 16, raw)


def png(shape, depth, raw, interlace=0, between=b""):
    """A PNG file with valid checksums around the rows `raw`."""
    kind = COLOUR_TYPE[shape[2]]
    header = struct.pack(">IIBBBBB", shape[1], shape[0], depth, kind, 0, 0, interlace)
    packed = zlib.compress(raw)
    parts = chunk(b"IDAT", packed[:50]), between, chunk(b"IDAT", packed[50:])
    return b"".join((SIGNATURE, chunk(b"IHDR", header), *parts, chunk(b"IEND", b"")))


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
        (deep(4), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    ],
)
def test_tiffs_that_would_be_read_wrongly_are_refused(reading, samples, options):
    with pytest.raises(ImageError, match=r"picture\.tif .*; (convert|remove) it"):
        reading(tiff(samples, **options), "tif")


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (np.float32, "32-bit floating-point"),
        (np.int32, "32-bit signed integer"),
        (np.uint32, "32-bit unsigned integer"),
        (np.int16, "16-bit signed integer"),
    ],
)
def test_other_kinds_of_samples_are_named_and_refused(reading, kind, named):
    samples = np.arange(600).reshape(20, 30).astype(kind)
    message = rf"picture\.tif holds {named} samples, which are not supported; convert it to 8 bits$"
    with pytest.raises(ImageError, match=message):
        reading(tiff(samples, photometric="minisblack"), "tif")


INKS = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)


@pytest.mark.parametrize("profile", [None, b"not even a profile"])
def test_cmyk_is_converted_without_a_profile(reading, profile):
    image = Pillow.frombytes("CMYK", (30, 20), INKS.tobytes())
    pixels = reading(image, "tif", **({"icc_profile": profile} if profile else {}))
    light = 255.0 - INKS
    expected = light[..., :3] * light[..., 3:] / 255
    assert np.abs(pixels.image - expected).max() <= 1
    assert pixels.note == "CMYK converted to RGB without a colour profile"


def test_a_cmyk_jpeg_is_converted(reading):
    pixels = reading(Pillow.fromarray(PHOTO).convert("CMYK"), "jpg", quality=95)
    assert pixels.note == "CMYK converted to RGB without a colour profile"
    assert np.abs(pixels.image.astype(int) - PHOTO).mean() < 6


def test_samples_without_a_conversion_are_refused_with_the_way_out(reading):
    with pytest.raises(ImageError, match=r"picture\.tif holds LAB samples, .* convert it to RGB"):
        reading(Pillow.frombytes("LAB", (8, 8), bytes(192)), "tif")


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


NO_ROWS = (
    r"picture\.\w+ cannot be read \(its data end before its last row\); remove it or repair it$"
)


def rows_of(samples, interlace):
    passes = ADAM7 if interlace else [np.s_[:, :]]
    parts = (row for area in passes for row in samples[area] if samples[area].size)
    return [b"\0" + row.tobytes() for row in parts]


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("samples", [PHOTO[:20, :30], PHOTO[:3, :3], deep(1), deep(4)])
def test_a_png_with_too_few_rows_is_refused(reading, samples, interlace):
    big_endian = samples.astype(samples.dtype.newbyteorder(">"))
    rows = rows_of(big_endian, interlace)
    whole = png(samples.shape, 8 * samples.itemsize, b"".join(rows), interlace)
    assert reading(whole).image.shape == (*samples.shape[:2], 3)
    for missing in {1, len(rows) // 2}:
        short = png(samples.shape, 8 * samples.itemsize, b"".join(rows[:-missing]), interlace)
        with pytest.raises(ImageError, match=NO_ROWS):
            reading(short)


def test_an_adversarial_picture_with_too_few_rows_is_refused():
    rows = rows_of(PHOTO, 0)
    assert np.array_equal(decode_png(png(PHOTO.shape, 8, b"".join(rows))), PHOTO)
    with pytest.raises(ImageError, match="it is damaged: its data end before its last row"):
        decode_png(png(PHOTO.shape, 8, b"".join(rows[:-1])))


def test_the_lossless_codec_refuses_a_picture_with_too_few_rows():
    rows = rows_of(PHOTO, 0)
    assert np.array_equal(Identity().decode(png(PHOTO.shape, 8, b"".join(rows))), PHOTO)
    with pytest.raises(CodecError, match="the data of this PNG end before its last row"):
        Identity().decode(png(PHOTO.shape, 8, b"".join(rows[:-1])))


def test_rows_after_another_chunk_do_not_count(reading):
    """As Pillow reads them: its decoder stops at the first chunk that is no IDAT."""
    rows = b"".join(rows_of(PHOTO, 0))
    with pytest.raises(ImageError):
        reading(png(PHOTO.shape, 8, rows, between=chunk(b"tEXt", b"a\0b")))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"restart_marker_blocks": 4},
        {"progressive": True, "restart_marker_rows": 1},
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_ends_before_its_last_row_is_refused(reading, mode, options):
    file = BytesIO()
    Pillow.fromarray(PHOTO).convert(mode).save(file, "jpeg", **options)
    whole = file.getvalue()
    assert reading(whole, "jpg").image.shape == PHOTO.shape
    for share in (0.6, 0.7, 0.8, 0.9):
        with pytest.raises(ImageError, match=r"picture\.jpg cannot be read"):
            reading(whole[: int(share * len(whole))] + b"\xff\xd9", "jpg")


def test_a_tiff_with_too_few_strips_is_refused(reading):
    whole = tiff(PHOTO, photometric="rgb", rowsperstrip=8)
    with tifffile.TiffFile(BytesIO(whole)) as file:
        rows, strips = (file.pages[0].tags[name] for name in ("ImageLength", "StripOffsets"))
    taller, shorter = bytearray(whole), bytearray(whole)
    taller[rows.valueoffset : rows.valueoffset + 4] = (100).to_bytes(4, "little")
    shorter[strips.offset + 4 : strips.offset + 8] = (strips.count - 1).to_bytes(4, "little")
    for damaged in (taller, shorter):
        with pytest.raises(ImageError, match=r"picture\.tif cannot be read"):
            reading(bytes(damaged), "tif")


@pytest.mark.parametrize(("suffix", "options"), FILES)
def test_a_truncated_file_is_refused_whatever_the_program_has_set(
    reading, suffix, options, monkeypatch
):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    whole = encoded(suffix, options)
    with pytest.raises(ImageError, match="cannot be read"):
        reading(whole[: int(len(whole) * 0.9)], suffix)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_text_is_no_picture(reading):
    with pytest.raises(ImageError, match=r"it is no PNG, JPEG, WebP or TIFF picture"):
        reading(b"height,width\n512,768\n")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ImageError, match=r"x\.png cannot be read \(No such file or directory\)"):
        read(tmp_path / "x.png")


TOO_LARGE = r"picture\.png has more than 178 megapixels, the most that is read; crop it$"


def test_a_picture_too_large_to_decode_is_reported(reading):
    for height, width in ((60000, 60000), (17900, 10000), (17801, 10000)):
        with pytest.raises(ImageError, match=TOO_LARGE):
            reading(png((height, width, 3), 8, b"\0" * 99))


def test_what_pillow_only_warns_of_as_large_is_read(reading, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", PHOTO[..., 0].size - 1)
    assert_reads(reading(Pillow.fromarray(PHOTO)), PHOTO, "")


def test_text_in_a_png_does_no_harm(reading):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 1000, zip=True)
    assert_reads(reading(Pillow.fromarray(PHOTO), pnginfo=info), PHOTO, "")
