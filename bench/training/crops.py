"""Training pictures, and random crops of them that are prepared ahead of time.

files --decode, kept while they fit--> PhotoSet --random crops--> BatchLoader: one batch per step
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.codec import Image
from bench.errors import ConfigError
from bench.images import reader
from bench.training.recipe import Recipe

_KEPT_BYTES = 4 * 2**30
"""Limit of the decoded pictures of a set in memory; others are decoded each time they are drawn."""

_DECODERS = 2
"""Number of threads that prepare batches."""

_AHEAD = 16
"""Number of batches that are prepared ahead of time."""


class PhotoSet:
    """Pictures by index, uint8 (H, W, 3), kept in memory while they fit.

    Args:
        files: picture files, at least one.
        smallest: smallest allowed side, in pixels.

    Raises:
        ImageError: a picture cannot be read.
        ConfigError: a picture is too small.
    """

    def __init__(self, files: Sequence[Path], smallest: int) -> None:
        self._files = files
        self._in_memory: dict[int, Image] = {}
        free = _KEPT_BYTES
        for index, file in enumerate(files):
            picture = _read_photo(file, smallest)
            if picture.nbytes <= free:
                free -= picture.nbytes
                self._in_memory[index] = picture

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Image]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Image:
        if index in self._in_memory:
            return self._in_memory[index]
        return reader.read(self._files[index]).image


@dataclass(frozen=True)
class Photos:
    """A folder of photos, split into training and validation.

    Attributes:
        training: pictures that crops are taken from.
        holdout: pictures for validation only, spread evenly over the sorted names.
        sha256: hash of the names and bytes of the training files, in hex.
    """

    training: PhotoSet
    holdout: PhotoSet
    sha256: str


def read_photos(folder: Path, holdout: int, crop: int) -> Photos:
    """Read all pictures of a folder and check that they can be used.

    Args:
        folder: the folder.
        holdout: number of pictures for validation.
        crop: side of the crops, in pixels.

    Raises:
        ConfigError: the folder is missing, cannot be listed, has too few pictures, or has one that
            is smaller than a crop.
        ImageError: a picture cannot be read.
    """
    files = picture_files(folder)
    if len(files) <= holdout:
        raise ConfigError(f"{folder} holds {len(files)} pictures; more than {holdout} are needed")
    held_out = files[:: len(files) // holdout][:holdout]
    training = [file for file in files if file not in held_out]
    return Photos(PhotoSet(training, crop), PhotoSet(held_out, 1), _digest(training))


def picture_files(folder: Path) -> list[Path]:
    """Return the picture files directly in a folder, without hidden ones, sorted by name.

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
    has_picture_name = file.name[0] != "." and file.suffix.lower() in reader.SUFFIXES
    return has_picture_name and not file.is_dir()


def draw_crops(photos: PhotoSet, side: int, count: int, seed: Sequence[int]) -> Tensor:
    """Return random crops, mirrored at random, as uint8 (count, 3, side, side)."""
    rng = np.random.default_rng(seed)
    crops = [_crop(photos[int(rng.integers(len(photos)))], side, rng) for _ in range(count)]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)


def _crop(picture: Image, side: int, rng: np.random.Generator) -> Image:
    height, width, _ = picture.shape
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    crop = picture[top : top + side, left : left + side]
    return crop[:, ::-1] if rng.integers(2) else crop


class BatchLoader:
    """The batches of a training, prepared ahead of time by threads.

    A batch depends only on the recipe's seed and its step, not on the batches before it.

    Args:
        photos: the pictures.
        recipe: gives size and number of the crops, and the seed.
        first: step of the first batch.

    Attributes:
        waited: total seconds that `take` waited for a batch.
    """

    def __init__(self, photos: PhotoSet, recipe: Recipe, first: int) -> None:
        self._photos = photos
        self._recipe = recipe
        self._threads = ThreadPoolExecutor(_DECODERS)
        self._next = first
        self._ahead: deque[Future[Tensor]] = deque()
        self.waited = 0.0

    def __enter__(self) -> BatchLoader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def take(self) -> Tensor:
        """Return the next batch, uint8 (B, 3, crop, crop)."""
        while len(self._ahead) < _AHEAD:
            self._ahead.append(self._threads.submit(self._draw, self._next))
            self._next += 1
        started = time.perf_counter()
        batch = self._ahead.popleft().result()
        self.waited += time.perf_counter() - started
        return batch

    def _draw(self, step: int) -> Tensor:
        recipe = self._recipe
        return draw_crops(self._photos, recipe.crop, recipe.batch, (recipe.seed, step))


def _read_photo(file: Path, side: int) -> Image:
    picture = reader.read(file).image
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
