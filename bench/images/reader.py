"""Picture files as 8-bit RGB pixels, with a note of every conversion.

    file --Pillow--> samples (H, W, 1-4), 8 or 16 bits --alpha, grey, depth--> uint8 (H, W, 3)

PNG, JPEG, WebP and TIFF are recognised by content, not by suffix. Colour profiles and gamma are not
applied: codecs work on the stored numbers. CMYK becomes RGB without a profile too: each of R, G, B
is (255 - ink)(255 - black) / 255.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError
from PIL import Image as Pillow

from bench.codec import Image
from bench.errors import ImageError, writable
from bench.images.completeness import has_every_row, strict_decoding
from bench.utils.files import read_file

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""Suffixes of the files in a folder that count as pictures."""

Samples: TypeAlias = npt.NDArray[Any]
"""uint8 or uint16, shape (H, W, C), C = 1 to 4: grey, grey and alpha, RGB, or RGBA."""

MEGAPIXELS = 178
"""The largest picture; Pillow opens none of more than 178.96 megapixels."""

_KINDS = {1: "unsigned integer", 2: "signed integer", 3: "floating-point"}
"""The kinds of samples of a TIFF file, by the tag SampleFormat."""

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N", "I;16R")
_NATIVE_OTHER = "B" if sys.byteorder == "little" else "L"
_OTHER_BYTE = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", _NATIVE_OTHER))
}
"""Pillow reduces 16-bit colour to its high bytes; in the other byte order, to its low ones."""
_GREY_ALPHA_16 = "LA;16B"
_TARGET = {mode: mode for mode in ("L", "LA", "RGB", "RGBA")} | {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "YCbCr": "RGB",
    "CMYK": "RGB",
}
"""The mode that 8-bit samples of each Pillow mode are converted to; other modes are rejected."""


@dataclass(frozen=True)
class Pixels:
    """The pixels of a file as the benchmark uses them.

    Attributes:
        image: uint8, shape (H, W, 3).
        note: the conversions that were applied; empty for a plain 8-bit RGB file.
    """

    image: Image
    note: str


_TOO_LARGE = f"has more than {MEGAPIXELS} megapixels, the most that is read; crop it"


class _UnsupportedFormatError(ImageError):
    """An intact picture of an unsupported kind; the message continues "FILE ..."."""


def read(path: Path) -> Pixels:
    """Read one picture file.

    The EXIF orientation is applied, grey is replicated to RGB, palettes are expanded, CMYK is
    converted, pixels that are not opaque are blended with black, and 16 bits are scaled to 8 and
    rounded to the nearest level. Only the first of several frames is read. The note lists each of
    these.

    Raises:
        ImageError: the file is missing, damaged, too large, or not a picture of a supported kind,
            or its name is no text.
    """
    require_text(path)
    try:
        with strict_decoding():
            return _decode(read_file(path))
    except _UnsupportedFormatError as error:
        raise ImageError(f"{path} {error}") from error
    except Pillow.DecompressionBombError as error:
        raise ImageError(f"{path} {_TOO_LARGE}") from error
    except Exception as error:
        reason = _reason(error)
        raise ImageError(f"{path} cannot be read ({reason}); remove it or repair it") from error


def require_text(path: Path) -> None:
    """Refuse a file whose name could not be written into records.

    Raises:
        ImageError: the name is no text in the encoding of file names.
    """
    if writable(path.name) != path.name:
        encoding = sys.getfilesystemencoding()
        other = "" if encoding == "utf-8" else ", or set PYTHONUTF8=1"
        raise ImageError(
            f"the name of the picture {os.fsencode(path)!r} is no text in {encoding}; rename the"
            f" file{other}"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no PNG, JPEG, WebP or TIFF picture"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _open(data: bytes) -> ImageFile.ImageFile:
    return Pillow.open(BytesIO(data), formats=_FORMATS)


def _decode(data: bytes) -> Pixels:
    _open(data).verify()
    image = _open(data)
    if image.width * image.height > MEGAPIXELS * 1e6:
        raise _UnsupportedFormatError(_TOO_LARGE)
    complete = has_every_row(image, data)
    samples = _sixteen_bit(image, data) if _bits(image) > 8 else _eight_bit(image)
    if not complete:
        raise ImageError("its data end before its last row")
    notes = _file_notes(_open(data)) + _sample_notes(samples)
    return Pixels(_rgb(samples), ", ".join(notes))


def _file_notes(image: ImageFile.ImageFile) -> list[str]:
    frames = getattr(image, "n_frames", 1)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    notes = {
        f"first of {frames} frames": frames > 1,
        f"turned upright (EXIF orientation {orientation})": orientation in range(2, 9),
        "palette expanded to RGB": image.mode in ("P", "PA"),
        "YCbCr converted to RGB": image.mode == "YCbCr",
        "CMYK converted to RGB without a colour profile": image.mode == "CMYK",
    }
    return [note for note, applies in notes.items() if applies]


def _bits(image: ImageFile.ImageFile) -> int:
    """Return the bits per sample in the file; Pillow's mode does not contain them."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))
    return 16 if any("16" in mode for mode in _raw_modes(image)) else 8


def _raw_modes(image: ImageFile.ImageFile) -> set[str]:
    """Return the layouts of the samples in the file, from the tiles that Pillow has yet to load."""
    arguments = [tile[3] for tile in image.tile]
    return {str(args[0] if isinstance(args, tuple) else args) for args in arguments}


def _eight_bit(image: ImageFile.ImageFile) -> Samples:
    mode = "RGBA" if "transparency" in image.info else _TARGET.get(image.mode)
    if mode is None:
        raise _UnsupportedFormatError(
            f"holds {image.mode} samples, which are not supported; convert it to RGB"
        )
    return _channels(np.asarray(ImageOps.exif_transpose(image).convert(mode)))


def _sixteen_bit(image: ImageFile.ImageFile, data: bytes) -> Samples:
    if not _is_plain(image):
        raise _UnsupportedFormatError(f"holds {_sample_kind(image)}; convert it to 8 bits")
    raw_mode = _raw_modes(image).pop()
    if raw_mode in _GREY_16:
        return _channels(_plane(data, raw_mode).astype(np.uint16))
    if raw_mode == _GREY_ALPHA_16:
        stored = _plane(data, "RGBA")
        high, low = stored[..., ::2], stored[..., 1::2]
    else:
        high, low = _plane(data, raw_mode), _plane(data, _OTHER_BYTE[raw_mode])
    both: Samples = high.astype(np.uint16) << 8 | low
    return both


def _sample_kind(image: ImageFile.ImageFile) -> str:
    """Return what is not supported, such as "32-bit floating-point samples, which ..."."""
    bits, kind = _bits(image), 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        kind = image.tag_v2.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0]
    if (bits, kind) == (16, 1):
        return "16-bit samples in a layout that is not supported"
    return f"{bits}-bit {_KINDS.get(kind, 'other')} samples, which are not supported"


def _is_plain(image: ImageFile.ImageFile) -> bool:
    """Return whether both bytes of every sample are accessible and are plain intensities."""
    modes = _raw_modes(image)
    known = len(modes) == 1 and modes <= {*_GREY_16, *_OTHER_BYTE, _GREY_ALPHA_16}
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        photometric = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION)
        return known and _bits(image) == 16 and photometric != 0
    return known and "transparency" not in image.info


def _plane(data: bytes, raw_mode: str) -> npt.NDArray[Any]:
    """Return the picture, upright, with its samples unpacked in the layout `raw_mode`."""
    image = _open(data)
    image.tile = [tile._replace(args=_with_mode(tile.args, raw_mode)) for tile in image.tile]
    plane: npt.NDArray[Any] = np.asarray(ImageOps.exif_transpose(image))
    return plane


def _with_mode(args: tuple[Any, ...] | str | None, raw_mode: str) -> tuple[Any, ...] | str:
    return (raw_mode, *args[1:]) if isinstance(args, tuple) else raw_mode


def _channels(array: npt.NDArray[Any]) -> Samples:
    return array[..., np.newaxis] if array.ndim == 2 else array


def _sample_notes(samples: Samples) -> list[str]:
    channels = samples.shape[-1]
    opaque = bool((samples[..., -1] == _peak(samples)).all())
    notes = {
        "16-bit reduced to 8": samples.dtype != np.uint8,
        "grey replicated to RGB": channels < 3,
        "opaque alpha dropped": channels in (2, 4) and opaque,
        "alpha laid over black": channels in (2, 4) and not opaque,
    }
    return [note for note, applies in notes.items() if applies]


def _rgb(samples: Samples) -> Image:
    colour, peak = samples, _peak(samples)
    if samples.shape[-1] in (2, 4):
        colour = _ratio(samples[..., :-1].astype(np.uint32) * samples[..., -1:], peak)
    levels = colour if peak == 255 else _ratio(colour.astype(np.uint32) * 255, peak)
    return np.broadcast_to(levels, (*levels.shape[:2], 3)).astype(np.uint8, order="C")


def _ratio(product: npt.NDArray[Any], peak: int) -> npt.NDArray[Any]:
    """Divide and round to the nearest; the largest product, of two 16-bit values, fits uint32."""
    return (product + peak // 2) // peak


def _peak(samples: Samples) -> int:
    return int(np.iinfo(samples.dtype).max)
