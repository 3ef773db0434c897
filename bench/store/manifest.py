"""The manifest of a run folder: what was run, with what and where; manifest.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import StoreError
from bench.store.records_file import os_errors_as_store_errors
from bench.utils.files import read_file, write_atomically

MANIFEST = "manifest.json"
"""Name of the file."""


class Manifest(BaseModel):
    """The description of a run: suite, codecs, pictures, versions and machine.

    Two runs whose manifests are equal, `started` apart, have equal records, times apart.

    Attributes:
        format: version of the format of run folders.
        suite: the whole suite, with defaults filled in.
        suite_sha256: hash of `suite`.
        plan_sha256: hash of the keys of all jobs.
        cells: number of evaluations in the suite.
        codecs: fingerprint of every operating point, by label.
        gradients: labels of the operating points with gradients.
        random: labels of the operating points that draw random numbers.
        searching: version of the search, see `bench.planning.searches.SEARCHING_VERSION`.
        pictures: hash of the pixels of every source picture, by name.
        notes: conversions applied when a source picture was read, by name; only where there were
            any.
        versions: versions of the packages and programs that compute the numbers, by name.
        machine: `bench.utils.machine.describe_machine` of the machine that computed them.
        started: when the folder was created, ISO 8601, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[3] = 3
    suite: dict[str, Any]
    suite_sha256: str
    plan_sha256: str
    cells: int
    codecs: dict[str, str]
    gradients: tuple[str, ...]
    random: tuple[str, ...]
    searching: int = 2
    pictures: dict[str, str]
    notes: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    started: str


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a run folder; None if it has none.

    Raises:
        StoreError: it cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(read_file(path))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"cannot read {path}: it is no manifest of this version, whose records hold other"
            " scores; run the suite again into another folder with --out"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a run folder.

    Raises:
        StoreError: it cannot be written.
    """
    with os_errors_as_store_errors(f"write {folder / MANIFEST}"):
        content = manifest.model_dump_json(indent=2) + "\n"
        write_atomically(folder / MANIFEST, content.encode())


def identity(manifest: Manifest) -> tuple[object, ...]:
    """Return what two runs must have in common to share a folder."""
    return manifest.plan_sha256, manifest.versions


def has_other_pictures_only(existing: Manifest, manifest: Manifest) -> bool:
    """Return whether two runs differ in some of their pictures and in nothing else."""
    first, second = (
        ({**one.suite, "images": None}, one.codecs, one.versions) for one in (existing, manifest)
    )
    common = existing.pictures.items() & manifest.pictures.items()
    return first == second and bool(common) and existing.pictures != manifest.pictures


def difference(existing: Manifest, manifest: Manifest) -> str:
    """Return the first thing in which two runs differ, in words."""
    if existing.suite_sha256 != manifest.suite_sha256:
        return f"of the suite '{existing.suite.get('name')}' as it was on {existing.started}"
    for name in ("codecs", "pictures", "versions"):
        before, now = getattr(existing, name), getattr(manifest, name)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                return f"{name}: {key} was {before.get(key)}, now {now.get(key)}"
    return "an attack's version has changed"
