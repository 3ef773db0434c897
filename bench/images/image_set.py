"""Picture sets: a suite's `images:` block -> pictures, each with a name and a hash.

    ImageSpec --names, limit--> files
    each file --bench.images.reader--> uint8 (H, W, 3) --crop, hash--> Picture

Names and limit choose first: only what is used is read, checked or downloaded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator

from bench.codec import Image
from bench.errors import ImageError
from bench.images import datasets as samples
from bench.images import reader as reading
from bench.images.datasets import Files
from bench.utils.yaml_config import Settings, nearest


@dataclass(frozen=True)
class Picture:
    """One picture of a set, as it is attacked and scored.

    Attributes:
        name: unlike every other in the set: the file's name without its suffix, or with it where
            two files differ in nothing else.
        pixels: uint8, shape (H, W, 3).
        sha256: hash of the shape and the bytes of `pixels`; pictures are equal when their names,
            hashes and notes are.
        note: what was changed on the way from the file's pixels; "" if nothing was.
    """

    name: str
    pixels: Image = field(compare=False, repr=False)
    sha256: str
    note: str = ""


class Crop(Settings):
    """The part of every picture that is used, in pixels; centred where a side is not placed."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    top: int | None = Field(None, ge=0)
    left: int | None = Field(None, ge=0)

    def __str__(self) -> str:
        top, left = ("centre" if at is None else at for at in (self.top, self.left))
        return f"{self.height}x{self.width} (top {top}, left {left})"


class ImageSpec(Settings):
    """Which pictures a suite uses: its `images:` block.

    Attributes:
        set: "sample", "kodak", or a folder of PNG, JPEG, WebP and TIFF files ("./kodak" for a
            folder that is called like a set); or a list of those.
        files: picture files, instead of a set.
        names: the pictures to keep, by name; all if None.
        limit: how many to keep, the first ones in the order of their names.
        crop: the part of every picture that is used; all of it if None.
        folder: for "kodak", where its 24 files are, instead of downloading them.
    """

    set: str | tuple[str, ...] | None = None
    files: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    crop: Crop | None = None
    folder: str | None = None

    @field_validator("set", mode="before")
    @classmethod
    def _named(cls, told: object) -> object:
        names = told if isinstance(told, list | tuple) and told else [told]
        if all(isinstance(name, str) for name in names) or told is None:
            return told
        raise ValueError("a set is called by its name, and several are a list of names")

    @model_validator(mode="after")
    def _consistent(self) -> ImageSpec:
        if (self.set is None) == (self.files is None):
            raise ValueError("give exactly one of 'set' and 'files'")
        if self.folder is not None and "kodak" not in self.sets:
            raise ValueError("'folder' goes with 'set: kodak'; name other folders as 'set'")
        return self

    @property
    def sets(self) -> tuple[str, ...]:
        """All sets that are named; none if files are."""
        return (self.set,) if isinstance(self.set, str) else self.set or ()


def load(spec: ImageSpec, base: Path) -> list[Picture]:
    """Return the pictures of a set, in the order of their names.

    In a folder, hidden files, folders, and files that are no PNG, JPEG, WebP or TIFF by their
    suffix are passed over; whatever else cannot be read is an error, never left out.

    Args:
        spec: the suite's `images:` block.
        base: the folder that relative paths are looked up in first, the suite's own; then comes
            the working directory.

    Raises:
        ImageError: a set, file or name does not exist, a download failed, a picture cannot be
            read or is smaller than the crop.
    """
    files = _files(spec, base)
    return [_picture(name, files[name](), spec.crop) for name in _chosen(spec, files)]


def _files(spec: ImageSpec, base: Path) -> Files:
    if spec.files is not None:
        return _named([_resolve(file, base) for file in spec.files])
    found: dict[str, Callable[[], Path]] = {}
    for one in spec.sets:
        pictures = _set(one, spec, base)
        if both := sorted(found.keys() & pictures.keys()):
            raise ImageError(f"two of the sets have a picture called '{both[0]}'; rename one file")
        found |= pictures
    return found


def _set(name: str, spec: ImageSpec, base: Path) -> Files:
    if name == "sample":
        return samples.sample()
    if name == "kodak":
        return samples.kodak(None if spec.folder is None else _resolve(spec.folder, base))
    return _named(_in_folder(name, base))


def _resolve(path: str, base: Path) -> Path:
    given = Path(path).expanduser() if path.startswith("~/") else Path(path)
    for place in (base / given, given):
        if place.exists():
            return place
    raise ImageError(f"there is no '{path}' in {base}, nor in the working directory")


def _in_folder(folder: str, base: Path) -> list[Path]:
    try:
        path = _resolve(folder, base)
    except ImageError as error:
        raise ImageError(f"{error}; {nearest(folder, samples.SETS)}") from error
    if not path.is_dir():
        raise ImageError(f"{path} is a file; name it under 'files:' instead of 'set:'")
    pictures = [file for file in _listed(path) if file.suffix.lower() in reading.SUFFIXES]
    if not pictures:
        raise ImageError(f"the folder {path} holds no {', '.join(reading.SUFFIXES)} file")
    return pictures


def _listed(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name[0] != "." and not path.is_dir()]
    except OSError as error:
        raise ImageError(f"cannot list the folder {folder}: {error.strerror}") from error


def _named(paths: Sequence[Path]) -> Files:
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else path.name for path in paths]
    for name, count in Counter(names).items():
        if count > 1:
            raise ImageError(f"{count} pictures would be called '{name}'; rename one of the files")
    return {name: path.absolute for name, path in zip(names, paths, strict=True)}


def _chosen(spec: ImageSpec, files: Files) -> list[str]:
    for name in spec.names or ():
        if name not in files:
            raise ImageError(f"no picture is called '{name}'; {nearest(name, files)}")
    return sorted(set(spec.names or files))[: spec.limit]


def _picture(name: str, path: Path, crop: Crop | None) -> Picture:
    read = reading.read(path)
    image = read.image if crop is None else _cropped(name, read.image, crop)
    image.setflags(write=False)
    return Picture(name, image, pixel_hash(image), read.note)


def _cropped(name: str, image: Image, crop: Crop) -> Image:
    height, width = image.shape[:2]
    top = max(height - crop.height, 0) // 2 if crop.top is None else crop.top
    left = max(width - crop.width, 0) // 2 if crop.left is None else crop.left
    if top + crop.height > height or left + crop.width > width:
        raise ImageError(
            f"the picture '{name}' of {height}x{width} (height x width) has no room for "
            f"the crop of {crop}; make the crop smaller or leave the picture out"
        )
    return np.ascontiguousarray(image[top : top + crop.height, left : left + crop.width])


def pixel_hash(image: Image) -> str:
    """Return what identifies a picture: the SHA-256 of its shape and its pixels."""
    height, width = image.shape[:2]
    return hashlib.sha256(f"{height}x{width}:".encode() + image.tobytes()).hexdigest()
