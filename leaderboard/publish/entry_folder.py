"""The folder of an entry or a challenge: replaced as a whole, found also when that was interrupted.

entries/TRACK/.CODEC         the new folder while it is written
entries/TRACK/.CODEC.older   the older one until the new one has its place
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.errors import BenchError
from bench.utils.files import write_atomically

_OLDER = ".older"
"""The end of the name of a folder that is being replaced; it begins with a dot."""


def write_entry(place: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, or replace an older one, completely or not at all.

    Raises:
        BenchError: the folder cannot be written.
    """
    temporary, older = place.with_name(f".{place.name}"), _older(place)
    try:
        _restore(place, older)
        shutil.rmtree(temporary, ignore_errors=True)
        for name, data in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(temporary / name, data)
        if place.exists():
            place.rename(older)
        temporary.rename(place)
    except OSError as error:
        raise BenchError(f"cannot write {place}: {error.strerror}; choose another --to") from error
    finally:
        _restore(place, older)
        shutil.rmtree(temporary, ignore_errors=True)


def current(place: Path) -> Path:
    """Return the folder of an entry or a challenge, also if its replacement was interrupted.

    Between the two renames of `write_entry`, the older folder has another name.
    """
    older = _older(place)
    return older if older.is_dir() and not place.exists() else place


def settled(folder: Path) -> Path:
    """Return the place that a folder is for: its own, or the one that it is the older folder of."""
    name = folder.name.removesuffix(_OLDER)
    is_older = name != folder.name and name.startswith(".")
    return folder.with_name(name.removeprefix(".")) if is_older else folder


def _older(place: Path) -> Path:
    return place.with_name(f".{place.name}{_OLDER}")


def _restore(place: Path, older: Path) -> None:
    """Put the older folder back if there is no new one; otherwise remove it."""
    if older.exists() and not place.exists():
        older.rename(place)
    shutil.rmtree(older, ignore_errors=True)
