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

LARGEST = 2**30
"""Largest size in bytes of a file of an entry, packed and unpacked."""


def content(folder: Path, name: str) -> bytes:
    """Return a file of an entry.

    Raises:
        StoreError: the file is missing, leads out of the folder, or is too large.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise StoreError(f"{path} leads out of its folder; remove it")
        if path.stat().st_size > LARGEST:
            raise StoreError(f"{path} is larger than {LARGEST} bytes, which no entry needs")
        return path.read_bytes()
    except RuntimeError as error:
        raise StoreError(f"cannot read {path}: it is a link to itself") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or 'it is missing'}") from error


def unpacked(folder: Path, name: str) -> bytes:
    """Return the content of a gzip file.

    Raises:
        StoreError: the file cannot be read, or its content is too large.
    """
    packed = content(folder, name)
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {folder / name}: {one_line(error)}") from error
    if len(data) > LARGEST:
        raise _too_much(folder / name)
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
                raise _too_much(folder / name)
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


def _too_much(path: Path) -> StoreError:
    return StoreError(f"{path} unpacks to more than {LARGEST} bytes, which no entry needs")
