"""Training photos in memory, and random crops of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench import reading
from bench.codec import Image
from bench.errors import ConfigError


@dataclass(frozen=True)
class Photos:
    """A folder of photos, decoded once: uint8, each (H, W, 3).

    Attributes:
        training: the pictures that crops are taken from.
        holdout: the pictures that only validation sees, spread evenly over the sorted names.
        sha256: hash over the names and bytes of the training files.
    """

    training: tuple[Image, ...]
    holdout: tuple[Image, ...]
    sha256: str


def read_photos(folder: Path, holdout: int, crop: int) -> Photos:
    """Decode every picture of a folder.

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
    pictures = tuple(_large_enough(file, crop) for file in training)
    return Photos(pictures, tuple(map(_pixels, kept_out)), _digest(training))


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


def draw_crops(
    pictures: Sequence[Image], side: int, count: int, rng: np.random.Generator
) -> Tensor:
    """Return random crops, each mirrored or not, as uint8 (count, 3, side, side)."""
    crops = [_crop(pictures[rng.integers(len(pictures))], side, rng) for _ in range(count)]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)


def _crop(picture: Image, side: int, rng: np.random.Generator) -> Image:
    height, width, _ = picture.shape
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    crop = picture[top : top + side, left : left + side]
    return crop[:, ::-1] if rng.integers(2) else crop


def _pixels(file: Path) -> Image:
    return reading.read(file).image


def _large_enough(file: Path, side: int) -> Image:
    picture = _pixels(file)
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
