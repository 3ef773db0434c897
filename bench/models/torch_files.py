"""Files of torch, read without running code and without taking more memory than they have bytes.

A small file can claim much: a compressed record in a new file, the size of a storage in an old one.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor
from torch import _weights_only_unpickler as safe_pickle

from bench.errors import ConfigError
from bench.utils.files import open_regular

LARGEST = 2**32
"""The most bytes of a file of weights."""

_HEADER = 3
"""Number of pickles before the content in an old file: a magic number and two descriptions."""


def load_torch(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Return the content of a file that torch.save wrote; no code in it is run.

    Raises:
        ConfigError: the file is larger than `LARGEST`, or claims more bytes than it has.
        Exception: what torch raises for a damaged file, or for one with code.
    """
    size = check_size(path)
    claimed = _of_records if zipfile.is_zipfile(path) else _of_storages
    if claimed(path) > size:
        raise ConfigError(
            f"{path} is refused: it claims to hold more bytes than the {size} of the file; fetch it"
            " again, or save it with torch.save(net.state_dict(), ...)"
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def check_size(path: Path) -> int:
    """Return the number of bytes of a file.

    Raises:
        ConfigError: it has more than `LARGEST`.
        OSError: it is no regular file, or cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
    if size > LARGEST:
        raise ConfigError(
            f"{path} has {size} bytes, more than the {LARGEST} of a file of weights; save the"
            " weights alone"
        )
    return size


def is_stored(tensor: object) -> bool:
    """Return whether an object is a dense tensor and no view that repeats a smaller storage."""
    if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.is_meta:
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _of_records(path: Path) -> int:
    """Return how many bytes the records of a new file claim; torch writes them uncompressed."""
    with zipfile.ZipFile(path) as archive:
        return sum(record.file_size for record in archive.infolist())


def _of_storages(path: Path) -> int:
    """Return how many bytes the storages of an old file claim; none is allocated."""
    with path.open("rb") as file:
        for _ in range(_HEADER):
            _loaded(safe_pickle.Unpickler(file))
        claims = _Claims(file)
        _loaded(claims)
    return sum(claims.storages.values())


def _loaded(unpickler: Any) -> object:  # noqa: ANN401 - torch declares no types here
    return unpickler.load()


class _Claims(safe_pickle.Unpickler):
    """Reads the content of an old file with storages that have no memory.

    Attributes:
        storages: the size of each storage in bytes, by its key.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, int] = {}

    def persistent_load(self, pid: tuple[Any, ...]) -> torch.TypedStorage:
        """Return a storage without memory, and note its size."""
        _, kind, key, _, count, *_ = pid
        size = max(self.storages.get(key, 0), count * torch._utils._element_size(kind.dtype))
        self.storages[key] = size
        empty = torch.UntypedStorage(size, device="meta")
        return torch.TypedStorage(wrap_storage=empty, dtype=kind.dtype, _internal=True)
