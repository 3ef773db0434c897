"""Named picture sets: photographs of scikit-image, the Kodak set, pictures with codes and words.

A set maps the name of each picture to a function that returns its file, so that only the chosen
pictures are located, checked or downloaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from bench.errors import MissingPicturesError
from bench.utils.files import read_file

Files: TypeAlias = Mapping[str, Callable[[], Path]]
"""From the name of each picture to a function that returns its file, or raises an ImageError."""

SETS = {
    "sample": "four photographs that come with scikit-image, no download",
    "kodak": "the 24 photographs of the Kodak set, downloaded once (16 MB) and checksummed",
    "reading": "six drawn pictures of 256x256 with bar codes and words, no download",
}
"""The sets that a suite can name, with a description of each."""

PICTURES = "BENCH_PICTURES"
"""The variable with the folder of the Kodak set that the user has."""

_SETTING = f"--pictures or {PICTURES}"

KODAK_URL = "https://r0k.us/graphics/kodak/kodak/"
"""Where the Kodak set is published; Kodak released it "for unrestricted usage"."""


@dataclass(frozen=True)
class Sample:
    """One photograph in scikit-image's wheel.

    Attributes:
        file: its name.
        height: in pixels.
        width: in pixels.
        terms: author and terms of use.
    """

    file: str
    height: int
    width: int
    terms: str


SAMPLES = {
    "astronaut": Sample("astronaut.png", 512, 512, "NASA Great Images; public domain"),
    "chelsea": Sample("chelsea.png", 300, 451, "Stefan van der Walt; CC0"),
    "coffee": Sample("coffee.png", 400, 600, "Rachel Michetti; CC0"),
    "rocket": Sample("rocket.jpg", 427, 640, "SpaceX; public domain"),
}
"""The colour photographs with stated terms of use; rocket's pixels depend on the JPEG decoder."""


def sample() -> Files:
    """Return the photographs in scikit-image's wheel."""
    return {name: partial(_sample_file, picture.file) for name, picture in SAMPLES.items()}


def reading() -> Files:
    """Return the pictures with bar codes and words, which docs/scripts/reading_pictures.py drew."""
    folder = Path(__file__).parent / "reading"
    return {path.stem: path.absolute for path in folder.glob("*.png")}


def kodak(folder: Path | None = None) -> Files:
    """Return the Kodak set; every file is checked against its SHA-256.

    Args:
        folder: folder of the files kodim01.png to kodim24.png. $BENCH_PICTURES comes before it.
            Without both, they are downloaded once from $BENCH_KODAK_URL (default: `KODAK_URL`) into
            the folder $BENCH_CACHE (default: the user's cache).

    Raises:
        MissingPicturesError: $BENCH_PICTURES is no folder.
    """
    folder = users_folder() or folder
    get = _download_kodak if folder is None else partial(_kodak_file, folder)
    return {Path(name).stem: partial(get, name) for name in kodak_sums()}


def users_folder() -> Path | None:
    """Return the folder that BENCH_PICTURES names, or None if it is not set.

    Raises:
        MissingPicturesError: it is no folder.
    """
    named = os.environ.get(PICTURES)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise MissingPicturesError(
            f"{folder} is no folder; name the folder of the 24 Kodak files with {_SETTING}"
        )
    return folder


def kodak_sums() -> dict[str, str]:
    """Return the SHA-256, in hex, of each file of the Kodak set as r0k.us serves it, by name."""
    lines = resources.files("bench").joinpath("kodak.sha256").read_text("ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _sample_file(file: str) -> Path:
    path = _sample_folder() / file
    if not path.is_file():
        raise MissingPicturesError(
            f"scikit-image {metadata.version('scikit-image')} does not bring {file} of 'sample'; "
            "leave it out with 'names:', or install the scikit-image wheel again"
        )
    return path


def _sample_folder() -> Path:
    """Return the folder of scikit-image's photographs, without importing scikit-image."""
    spec = find_spec("skimage")
    origin = "" if spec is None or spec.origin is None else spec.origin
    return Path(origin).parent / "data"


def _kodak_file(folder: Path, file: str) -> Path:
    path = folder / file
    if not path.is_file():
        raise MissingPicturesError(
            f"{folder} lacks {file} of the Kodak set; add it, or name another folder with"
            f" {_SETTING}"
        )
    if hashlib.sha256(read_file(path)).hexdigest() != kodak_sums()[file]:
        raise MissingPicturesError(
            f"{path} is not the Kodak set's: its SHA-256 differs; replace it, or name another"
            f" folder with {_SETTING}"
        )
    return path


def _download_kodak(file: str) -> Path:
    import pooch  # noqa: PLC0415 - takes a tenth of a second to import

    base = _kodak_url()
    store = pooch.create(_cache(), base, registry=kodak_sums(), retry_if_failed=1)
    hint = f"get the 24 files otherwise and name their folder with {_SETTING}"
    try:
        return Path(store.fetch(file))
    except OSError as error:
        raise MissingPicturesError(
            f"cannot download {base}{file} ({_reason(error)}); {hint}"
        ) from error
    except ValueError as error:
        raise MissingPicturesError(
            f"{base}{file} is not the Kodak set's: its SHA-256 differs; {hint}"
        ) from error


def _kodak_url() -> str:
    url = os.environ.get("BENCH_KODAK_URL", KODAK_URL)
    if not url.startswith(("http://", "https://")):
        raise MissingPicturesError(
            f"BENCH_KODAK_URL must begin with https:// or http://, got {url!r}"
        )
    return url.rstrip("/") + "/"


def _cache() -> Path:
    import pooch  # noqa: PLC0415 - takes a tenth of a second to import

    root = os.environ.get("BENCH_CACHE") or pooch.os_cache("codec-robustness-bench")
    cache = Path(root) / "kodak"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MissingPicturesError(
            f"cannot make the folder {cache} ({error.strerror}); set BENCH_CACHE to another"
        ) from error
    return cache


def _reason(error: OSError) -> str:
    """Return a short reason; the text of a network error is long and full of addresses."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return error.strerror or type(error).__name__
