"""The files of an entry as bytes. Entries come from strangers, so every read is checked.

folder, name --inside the folder? not too large?--> bytes --gzip, zip, size limit--> content
"""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from bench.errors import StoreError, one_line
from bench.utils.files import read_file

LARGEST = 2**30
"""Largest size in bytes of a file of an entry, packed and unpacked."""


def content(folder: Path, name: str, most: int | None = None) -> bytes:
    """Return a file of an entry.

    Args:
        folder: the folder of the entry.
        name: the file in it.
        most: largest size of the file, in bytes, if less than `LARGEST`.

    Raises:
        StoreError: the file is missing, no regular file, leads out of the folder, or is too large.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise StoreError(f"{path} leads out of its folder; remove it")
        return read_file(path, min(most or LARGEST, LARGEST))
    except RuntimeError as error:
        raise StoreError(f"cannot read {path}: it is a link to itself") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or 'it is missing'}") from error


def unpacked(folder: Path, name: str, most: int | None = None) -> bytes:
    """Return the content of a gzip file.

    Args:
        folder: the folder of the entry.
        name: the file in it.
        most: largest size of the content, in bytes, if less than `LARGEST`.

    Raises:
        StoreError: the file cannot be read, or its content is too large.
    """
    packed, limit = content(folder, name), min(most or LARGEST, LARGEST)
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            data = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {folder / name}: {one_line(error)}") from error
    if len(data) > limit:
        raise _too_much(folder / name, limit)
    return data


def unzipped(folder: Path, name: str) -> dict[str, bytes]:
    """Return the intact files of an archive; none if it is missing or no archive.

    Raises:
        StoreError: the archive leads out of the folder, or its content is too large.
    """
    if not (folder / name).is_file():
        return {}
    stream = io.BytesIO(content(folder, name))
    try:
        with zipfile.ZipFile(stream) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise _too_much(folder / name, LARGEST)
            members = {name: _member(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return {}
    return {name: data for name, data in members.items() if data is not None}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return an archive, the same bytes for the same files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return stream.getvalue()


def _member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError):
        return None


def _too_much(path: Path, most: int) -> StoreError:
    return StoreError(f"{path} unpacks to more than {most} bytes, which no entry needs")
