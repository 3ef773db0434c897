"""Training pictures and random crops of them, made ahead of time.

files --decode, kept while they fit--> Album --random crops--> Feed: one batch a step
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from bench.codec import Image
from bench.errors import ConfigError
from bench.images import reader as reading
from bench.training.recipe import Recipe

_KEPT_BYTES = 4 * 2**30
"""How much of an album is kept decoded; what is beyond is decoded again whenever it is drawn."""

_DECODERS = 2
_AHEAD = 16


class PhotoSet:
    """Pictures by index, uint8 (H, W, 3): decoded once, and kept while they fit into memory.

    Args:
        files: at least one.
        smallest: the side that every picture must have.

    Raises:
        ImageError: a picture cannot be read.
        ConfigError: one is too small.
    """

    def __init__(self, files: Sequence[Path], smallest: int) -> None:
        self._files = files
        self._kept: dict[int, Image] = {}
        free = _KEPT_BYTES
        for index, file in enumerate(files):
            picture = _large_enough(file, smallest)
            if picture.nbytes <= free:
                free -= picture.nbytes
                self._kept[index] = picture

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Image]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Image:
        if index in self._kept:
            return self._kept[index]
        return reading.read(self._files[index]).image


@dataclass(frozen=True)
class Photos:
    """A folder of photos.

    Attributes:
        training: the pictures that crops are taken from.
        holdout: the pictures that only validation sees, spread evenly over the sorted names.
        sha256: hash over the names and bytes of the training files.
    """

    training: PhotoSet
    holdout: PhotoSet
    sha256: str


def read_photos(folder: Path, holdout: int, crop: int) -> Photos:
    """Find every picture of a folder and see that it can be used.

    Raises:
        ConfigError: the folder is missing, cannot be listed, holds too few pictures, or one
            smaller than a crop.
        ImageError: a picture cannot be read.
    """
    files = picture_files(folder)
    if len(files) <= holdout:
        raise ConfigError(f"{folder} holds {len(files)} pictures; more than {holdout} are needed")
    kept_out = files[:: len(files) // holdout][:holdout]
    training = [file for file in files if file not in kept_out]
    return Photos(PhotoSet(training, crop), PhotoSet(kept_out, 1), _digest(training))


def picture_files(folder: Path) -> list[Path]:
    """Return the picture files directly in a folder, hidden ones left out, sorted by name.

    Raises:
        ConfigError: the folder is missing or cannot be listed.
    """
    try:
        if not folder.is_dir():
            raise ConfigError(f"no folder of photos at {folder}; name one with --photos")
        return sorted(file for file in folder.iterdir() if _is_picture(file))
    except OSError as error:
        raise ConfigError(
            f"cannot list the photos at {folder} ({error.strerror}); name another with --photos"
        ) from error


def _is_picture(file: Path) -> bool:
    named_so = file.name[0] != "." and file.suffix.lower() in reading.SUFFIXES
    return named_so and not file.is_dir()


def draw_crops(album: PhotoSet, side: int, count: int, seed: Sequence[int]) -> Tensor:
    """Return random crops, each mirrored or not, as uint8 (count, 3, side, side)."""
    rng = np.random.default_rng(seed)
    crops = [_crop(album[int(rng.integers(len(album)))], side, rng) for _ in range(count)]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)


def _crop(picture: Image, side: int, rng: np.random.Generator) -> Image:
    height, width, _ = picture.shape
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    crop = picture[top : top + side, left : left + side]
    return crop[:, ::-1] if rng.integers(2) else crop


class BatchLoader:
    """The batches of a training, drawn ahead of time by threads; each follows from its number.

    Attributes:
        waited: seconds that `take` had to wait.
    """

    def __init__(self, album: PhotoSet, recipe: Recipe, first: int) -> None:
        """Begin with the batch of step `first`."""
        self._album = album
        self._recipe = recipe
        self._threads = ThreadPoolExecutor(_DECODERS)
        self._next = first
        self._ahead: deque[Future[Tensor]] = deque()
        self.waited = 0.0

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def take(self) -> Tensor:
        """Return the next batch, uint8 (B, 3, crop, crop)."""
        while len(self._ahead) < _AHEAD:
            self._ahead.append(self._threads.submit(self._drawn, self._next))
            self._next += 1
        started = time.perf_counter()
        batch = self._ahead.popleft().result()
        self.waited += time.perf_counter() - started
        return batch

    def _drawn(self, step: int) -> Tensor:
        recipe = self._recipe
        return draw_crops(self._album, recipe.crop, recipe.batch, (recipe.seed, step))


def _large_enough(file: Path, side: int) -> Image:
    picture = reading.read(file).image
    if min(picture.shape[:2]) < side:
        raise ConfigError(f"{file} is smaller than a crop of {side} pixels; take it out")
    return picture


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
