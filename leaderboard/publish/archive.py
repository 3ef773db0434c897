"""The files of an entry as bytes; whoever sent them may have meant harm.

folder, name --inside the folder? not too large?--> bytes --gz, zip, not too much--> content
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
"""Bytes that a file of an entry may have, and that it may unpack to."""


def content(folder: Path, name: str) -> bytes:
    """Return a file of an entry.

    Raises:
        StoreError: it is missing, leads out of the folder, or is too large.
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
    """Return what is in a gzip file.

    Raises:
        StoreError: it cannot be read, or there is too much in it.
    """
    packed = content(folder, name)
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            found = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {folder / name}: {one_line(error)}") from error
    if len(found) > LARGEST:
        raise _too_much(folder / name)
    return found


def unzipped(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files in an archive that are whole; none if it is no archive.

    Raises:
        StoreError: it leads out of the folder, or there is too much in it.
    """
    if not (folder / name).is_file():
        return {}
    stream = io.BytesIO(content(folder, name))
    try:
        with zipfile.ZipFile(stream) as archive:
            if sum(one.file_size for one in archive.infolist()) > LARGEST:
                raise _too_much(folder / name)
            found = {name: _member(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return {}
    return {name: content for name, content in found.items() if content is not None}


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
