"""Picture sets: from the `images:` block of a suite to pictures, each with a name and a hash.

    ImageSpec --names, limit--> files
    each file --bench.images.reader--> uint8 (H, W, 3) --crop, hash--> Picture

Names and limit apply first, so only pictures that are used are read, checked or downloaded.
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
from bench.errors import ImageError, MissingPicturesError
from bench.images import datasets, reader
from bench.images.datasets import Files
from bench.utils.yaml_config import Settings, nearest


@dataclass(frozen=True)
class Picture:
    """One picture of a set, as it is attacked and scored.

    Pictures are equal if their names, hashes and notes are.

    Attributes:
        name: unique in the set: the name of the file without its suffix, or with it if two files
            differ only in the suffix.
        pixels: uint8, shape (H, W, 3), read-only.
        sha256: hash of the shape and the bytes of `pixels`, in hex.
        note: conversions applied to the pixels of the file; "" if there were none.
    """

    name: str
    pixels: Image = field(compare=False, repr=False)
    sha256: str
    note: str = ""


class Crop(Settings):
    """The part of every picture that is used, in pixels; centred along an axis without an offset.

    Attributes:
        height: rows.
        width: columns.
        top: first row; None centres.
        left: first column; None centres.
    """

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    top: int | None = Field(None, ge=0)
    left: int | None = Field(None, ge=0)

    def __str__(self) -> str:
        top, left = ("centre" if offset is None else offset for offset in (self.top, self.left))
        return f"{self.height}x{self.width} (top {top}, left {left})"


class ImageSpec(Settings):
    """The pictures that a suite uses: its `images:` block.

    Attributes:
        set: "sample", "kodak", "reading", or a folder of PNG, JPEG, WebP and TIFF files ("./kodak"
            for a folder with the name of a set); or a list of those.
        files: picture files, instead of a set.
        names: names of the pictures to use; all if None.
        limit: number of pictures to use, the first in the order of their names; all if None.
        crop: the part of every picture to use; the whole picture if None.
        folder: folder of the 24 files of "kodak", instead of downloading them; $BENCH_PICTURES
            comes before it.
    """

    set: str | tuple[str, ...] | None = None
    files: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    crop: Crop | None = None
    folder: str | None = None

    @field_validator("set", mode="before")
    @classmethod
    def _check_names(cls, value: object) -> object:
        names = value if isinstance(value, list | tuple) and value else [value]
        if value is None or all(isinstance(name, str) for name in names):
            return value
        raise ValueError("'set' takes the name of a set, or a list of names")

    @model_validator(mode="after")
    def _consistent(self) -> ImageSpec:
        if (self.set is None) == (self.files is None):
            raise ValueError("give exactly one of 'set' and 'files'")
        if self.folder is not None and "kodak" not in self.sets:
            raise ValueError("'folder' goes with 'set: kodak'; name other folders as 'set'")
        return self

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of all sets; empty if `files` is given."""
        return (self.set,) if isinstance(self.set, str) else self.set or ()


def load(spec: ImageSpec, base: Path) -> list[Picture]:
    """Return the pictures of a set, in the order of their names.

    In a folder, hidden files, sub-folders, and files without the suffix of a PNG, JPEG, WebP or
    TIFF file are skipped. Any other file that cannot be read is an error; it lists all such files.

    Args:
        spec: the `images:` block of the suite.
        base: the folder of the suite; relative paths are resolved there first, then in the working
            directory.

    Raises:
        MissingPicturesError: a set or file does not exist here, or a download failed.
        ImageError: a name does not exist, or a picture cannot be read or is smaller than the crop.
    """
    files = _files(spec, base)
    paths = {name: files[name]() for name in _chosen_names(spec, files)}
    found = [_picture_or_problem(name, path, spec.crop) for name, path in paths.items()]
    problems = [one for one in found if isinstance(one, ImageError)]
    if problems:
        raise ImageError(_listed(problems)) from problems[0]
    return [one for one in found if isinstance(one, Picture)]


def _files(spec: ImageSpec, base: Path) -> Files:
    if spec.files is not None:
        return _files_by_name([_resolve(file, base) for file in spec.files])
    files: dict[str, Callable[[], Path]] = {}
    for name in spec.sets:
        pictures = _files_of_set(name, spec, base)
        if both := sorted(files.keys() & pictures.keys()):
            raise ImageError(f"two of the sets have a picture called '{both[0]}'; rename one file")
        files |= pictures
    return files


def _files_of_set(name: str, spec: ImageSpec, base: Path) -> Files:
    if name == "sample":
        return datasets.sample()
    if name == "reading":
        return datasets.reading()
    if name == "kodak":
        own = spec.folder is None or datasets.users_folder() is not None
        return datasets.kodak(None if own else _resolve(str(spec.folder), base))
    return _files_by_name(_files_in_folder(name, base))


def _resolve(path: str, base: Path) -> Path:
    expanded = Path(path).expanduser() if path.startswith("~/") else Path(path)
    for candidate in (base / expanded, expanded):
        if candidate.exists():
            return candidate
    raise MissingPicturesError(f"there is no '{path}' in {base}, nor in the working directory")


def _files_in_folder(folder: str, base: Path) -> list[Path]:
    try:
        path = _resolve(folder, base)
    except ImageError as error:
        raise MissingPicturesError(f"{error}; {nearest(folder, datasets.SETS)}") from error
    if not path.is_dir():
        raise ImageError(f"{path} is a file; name it under 'files:' instead of 'set:'")
    pictures = [file for file in _visible_files(path) if file.suffix.lower() in reader.SUFFIXES]
    if not pictures:
        raise MissingPicturesError(f"the folder {path} holds no {', '.join(reader.SUFFIXES)} file")
    return pictures


def _visible_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name[0] != "." and not path.is_dir()]
    except OSError as error:
        raise ImageError(f"cannot list the folder {folder}: {error.strerror}") from error


def _files_by_name(paths: Sequence[Path]) -> Files:
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else path.name for path in paths]
    for name, count in Counter(names).items():
        if count > 1:
            raise ImageError(f"{count} pictures would be called '{name}'; rename one of the files")
    return {name: path.absolute for name, path in zip(names, paths, strict=True)}


def _chosen_names(spec: ImageSpec, files: Files) -> list[str]:
    for name in spec.names or ():
        if name not in files:
            raise ImageError(f"no picture is called '{name}'; {nearest(name, files)}")
    return sorted(set(spec.names or files))[: spec.limit]


def _picture_or_problem(name: str, path: Path, crop: Crop | None) -> Picture | ImageError:
    try:
        return _picture(name, path, crop)
    except ImageError as error:
        return error


def _listed(problems: Sequence[ImageError]) -> str:
    """Return one message for all pictures that cannot be used."""
    if len(problems) == 1:
        return str(problems[0])
    numbered = (f"({number}) {problem}" for number, problem in enumerate(problems, 1))
    return f"{len(problems)} pictures cannot be used: {' '.join(numbered)}"


def _picture(name: str, path: Path, crop: Crop | None) -> Picture:
    pixels = reader.read(path)
    image = pixels.image if crop is None else _cropped(name, pixels.image, crop)
    image.setflags(write=False)
    return Picture(name, image, pixel_hash(image), pixels.note)


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
    """Return the SHA-256, in hex, of the shape and pixels of a picture, uint8 (H, W, 3)."""
    height, width = image.shape[:2]
    return hashlib.sha256(f"{height}x{width}:".encode() + image.tobytes()).hexdigest()
