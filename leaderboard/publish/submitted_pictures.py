"""Adversarial pictures made outside the harness: a folder of PNGs, an .npz or a .pt file.

kodim01.png, kodim01-rate.png --name--> source picture kodim01; the same names in .npz and .pt files
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic

from bench.codec import Image
from bench.errors import ConfigError, ImageError, one_line, writable
from bench.images.png import decode_png
from bench.utils.files import open_regular, read_file

_BETWEEN = "-_"
_LARGEST = 2**32
"""The most bytes of the arrays in one file."""

_VERSION: Callable[[IO[bytes]], tuple[int, int]] = read_magic
_HEADERS: Mapping[
    tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[Any]]]
] = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}
_UNREADABLE = (
    *(OSError, EOFError, TypeError, ValueError, RuntimeError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)


def read_submitted_pictures(path: Path) -> dict[str, Image]:
    """Return pictures by name, uint8 (H, W, 3).

    Args:
        path: a folder of PNGs, or a file of arrays or tensors by name: uint8, or float in [0, 1],
            which is rounded to 8 bits; (H, W, 3) or (3, H, W). No code in the file is run.

    Raises:
        ImageError: the path cannot be read, or holds something else.
    """
    if path.is_dir():
        return _named(path, {file.stem: _png(file) for file in sorted(path.glob("*.png"))})
    read = {".npz": _arrays, ".pt": _tensors}.get(path.suffix)
    if read is None:
        raise ImageError(f"{path} is not a folder of PNGs, an .npz file or a .pt file")
    try:
        arrays = read(path)
    except ConfigError as error:
        raise ImageError(str(error)) from error
    except _UNREADABLE as error:
        raise ImageError(f"cannot read {path}: {one_line(error)}") from error
    return _named(path, {name: _picture(f"{path}: {name}", one) for name, one in arrays.items()})


def source_of(name: str, sources: Collection[str]) -> str:
    """Return the source picture that a picture is named after: `kodim01`, or `kodim01-more`.

    Raises:
        ImageError: there is no such source picture.
    """
    for source in sorted(sources, key=len, reverse=True):
        if name == source or (name.startswith(source) and name[len(source)] in _BETWEEN):
            return source
    raise ImageError(
        f"'{name}' is not named after a picture of the track: {', '.join(sources)}; name an"
        f" adversarial picture of '{min(sources)}' '{min(sources)}' or '{min(sources)}-SUFFIX'"
    )


def _named(path: Path, pictures: dict[str, Image]) -> dict[str, Image]:
    if not pictures:
        raise ImageError(f"there is no picture in {path}")
    for name in pictures:
        if writable(name) != name:
            raise ImageError(f"the name {name!r} of a picture in {path} is no text; rename it")
    return pictures


def _png(file: Path) -> Image:
    try:
        return decode_png(read_file(file))
    except (OSError, ImageError) as error:
        raise ImageError(f"{file}: {one_line(error)}") from error


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    with open_regular(path) as opened:
        _check_claims(opened)
        opened.seek(0)
        file = np.load(opened, allow_pickle=False)
        return {name: file[name] for name in file.files}


def _check_claims(opened: IO[bytes]) -> None:
    """Check the sizes that a file of arrays claims, before any memory is allocated for them."""
    with zipfile.ZipFile(opened) as archive:
        records = archive.infolist()
        total = sum(record.file_size for record in records)
        if total > _LARGEST:
            raise ValueError(
                f"it unpacks to {total} bytes, more than the {_LARGEST} of one file; split it"
            )
        for record in records:
            with archive.open(record) as file:
                if _claimed_bytes(file) > record.file_size:
                    raise ValueError(f"{record.filename} claims more bytes than it has")


def _claimed_bytes(file: IO[bytes]) -> int:
    """Return how many bytes the header of an array claims."""
    version = _VERSION(file)
    if version not in _HEADERS:
        raise ValueError(f"arrays of version {version} are not supported")
    shape, _, dtype = _HEADERS[version](file)
    return math.prod(shape) * dtype.itemsize


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    from bench.models.torch_files import is_stored, load_torch  # noqa: PLC0415 - slow to import

    tensors = load_torch(path)
    if not isinstance(tensors, Mapping):
        raise TypeError("it holds no tensors by name")
    if not all(map(is_stored, tensors.values())):
        raise TypeError("it holds something that is not a whole tensor")
    return {str(name): np.asarray(tensor) for name, tensor in tensors.items()}


def _picture(where: str, array: npt.NDArray[Any]) -> Image:
    if array.ndim != 3 or 3 not in (array.shape[0], array.shape[2]):
        raise ImageError(f"{where} has the shape {array.shape}, not (H, W, 3) or (3, H, W)")
    pixels_last = array if array.shape[2] == 3 else array.transpose(1, 2, 0)
    if pixels_last.dtype == np.uint8:
        return np.ascontiguousarray(pixels_last)
    if not np.issubdtype(pixels_last.dtype, np.floating):
        raise ImageError(f"{where} has the type {pixels_last.dtype}; use uint8, or float in [0, 1]")
    if not (pixels_last >= 0).all() or not (pixels_last <= 1).all():
        raise ImageError(f"{where} has values outside [0, 1]; float pictures must lie inside")
    return np.ascontiguousarray((pixels_last.astype(np.float64) * 255).round().astype(np.uint8))
