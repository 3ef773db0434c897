"""An entry of the published board: the results of one codec on one track, as files to review.

entries/TRACK/CODEC/entry.json         figures, hashes, versions, machine, publisher and date
records.jsonl.gz   every search and every evaluation behind the figures
worst.zip          the worst adversarial PNGs and their bitstreams
shown/*.webp       the worst pictures as the page shows them
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from bench.errors import StoreError, one_line
from bench.store.manifest import Manifest
from bench.store.records import RECORD, CraftRecord, Decibel, MeasureRecord
from bench.store.records_file import record_lines
from bench.store.run_folder import Run
from bench.store.timings import Timings
from leaderboard.publish.archive import content, unpacked

ENTRY, RECORDS, ARCHIVE = "entry.json", "records.jsonl.gz", "worst.zip"

MOST_FIGURES = 2**24
"""Largest size in bytes of the JSON file of an entry."""

MOST_RECORDS = 2**26
"""Largest size in bytes of the records of an entry, unpacked; the largest entry has 2.4 million."""

Figure: TypeAlias = bool | int | float | str | None

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
View: TypeAlias = Annotated[str, StringConstraints(pattern=rf"^shown/{_NAME}\.webp$")]
Evidence: TypeAlias = Annotated[
    str, StringConstraints(pattern=rf"^(adversarial|bitstreams)/{_NAME}$")
]
File: TypeAlias = Annotated[str, StringConstraints(pattern=rf"^(shown/)?{_NAME}$")]
"""Names from a stranger; the pattern keeps them inside the entry's folder or archive."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Worst(_Part):
    """The adversarial picture with the largest loss of an operating point.

    Attributes:
        codec: label of the operating point.
        budget: label of the budget.
        picture: name of the source picture x.
        craft: key of the search that found the adversarial picture x'.
        attack: that search in words.
        lost: kind of loss: "PSNR" or "rate".
        psnr_clean: PSNR of C(x) against x, in dB.
        psnr_source: PSNR of C(x') against x, in dB.
        bpp_clean: bits per pixel of x.
        bpp: bits per pixel of x'.
        bitstream: the file in the archive that decodes to C(x').
        views: the files that show x, x', C(x), C(x') and the amplified differences, by title; empty
            where the page shows other pictures.
    """

    codec: str
    budget: str
    picture: str
    craft: str
    attack: str
    lost: Literal["PSNR", "rate"]
    psnr_clean: Decibel
    psnr_source: Decibel
    bpp_clean: float
    bpp: float
    bitstream: Evidence
    views: dict[str, View] = {}


class HashedFolder(_Part):
    """What was published of one codec on one track, with the hashes of its files.

    Attributes:
        format: version of the file format.
        track: name of the track.
        track_sha256: hash of the fixed part of the track.
        codec: name of the codec at every quality setting.
        by: publisher.
        published: time of publication, UTC.
        started: start of the computation, UTC.
        versions: versions of the software that computed the numbers.
        machine: the machine that computed them.
        codecs: fingerprint of every operating point and of the lossless reference, by label:
            hashes of weights, versions of binaries.
        gradients: labels of the run's operating points that offer gradients.
        random: labels of the nondeterministic operating points.
        searching: version of the search, see `bench.store.manifest.Manifest`.
        pictures: hash of every source picture's pixels, by name.
        notes: changes to source pictures when they were read, by name.
        suite: the run's suite, with only the track's codecs and those that are needed.
        suite_sha256: hash of the suite.
        plan_sha256: hash of the jobs that the records must belong to.
        cells: number of measure records.
        timings: how long the operating points take; None where the run has no timings:
            the times of the records count.
        files: SHA-256 of every other file, by name.
        archive: SHA-256 of every file in the archive, by name.
    """

    format: Literal[1] = 1
    track: Annotated[str, StringConstraints(pattern=rf"^{_NAME}$")]
    track_sha256: str
    codec: str
    by: str
    published: str
    started: str
    versions: dict[str, str]
    machine: dict[str, str]
    codecs: dict[str, str]
    gradients: tuple[str, ...]
    random: tuple[str, ...]
    searching: int = 2
    pictures: dict[str, str]
    notes: dict[str, str]
    suite: dict[str, Any]
    suite_sha256: str
    plan_sha256: str
    cells: int
    timings: Timings | None = None
    files: dict[File, str]
    archive: dict[Evidence, str]

    @property
    def slug(self) -> str:
        """The name of the codec's folder."""
        return slug(self.codec)


class Entry(HashedFolder):
    """The results of one codec on one track.

    Attributes:
        sources: fingerprints of the other source codecs, by label.
        figures: the lines of the board, as `bench export` writes them.
        worst: the adversarial pictures with the largest losses.
    """

    sources: dict[str, str]
    figures: list[dict[str, Figure]]
    worst: list[Worst]


Kind = TypeVar("Kind", bound=HashedFolder)


def slug(name: str) -> str:
    """Return a name in the form of a folder or file name."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "codec"


def sha256(content: bytes) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(content).hexdigest()


def read_entry(folder: Path) -> Entry:
    """Read the entry in a folder, without its other files.

    Raises:
        StoreError: the folder holds no entry.
    """
    return read_sealed(folder / ENTRY, Entry)


def read_sealed(path: Path, kind: type[Kind]) -> Kind:
    """Read an entry or a challenge from its JSON file, without its other files.

    Raises:
        StoreError: the file holds neither.
    """
    try:
        return kind.model_validate_json(content(path.parent, path.name, MOST_FIGURES))
    except ValidationError as error:
        raise StoreError(_refused(path, error.errors()[0])) from error


def _refused(path: Path, first: ErrorDetails) -> str:
    where = ".".join(map(str, first["loc"]))
    if not where:
        return f"{path} is no {path.stem} of this version: {first['msg']}"
    if first["type"] == "string_pattern_mismatch":
        return (
            f"{path} is refused: '{where}' is {first['input']!r}, but only a name inside its own"
            " folder is allowed"
        )
    return f"{path} is no {path.stem} of this version: see '{where}' in it"


def sealed(one: HashedFolder) -> bytes:
    """Return an entry or a challenge as its JSON file."""
    return f"{one.model_dump_json(indent=1)}\n".encode()


def packed(records: Iterable[CraftRecord | MeasureRecord]) -> bytes:
    """Return records as a compressed file, the same bytes every time."""
    lines = b"".join(RECORD.dump_json(record) + b"\n" for record in records)
    return gzip.compress(lines, mtime=0)


def run_of(entry: HashedFolder, folder: Path) -> Run:
    """Return the records of an entry or a challenge as a run of its codec only.

    Raises:
        StoreError: the records cannot be read.
    """
    lines = record_lines(io.BytesIO(unpacked(folder, RECORDS, MOST_RECORDS)), folder / RECORDS)
    try:
        records = [RECORD.validate_json(line) for line in lines]
    except ValueError as error:
        raise StoreError(f"cannot read {folder / RECORDS}: {one_line(error)}") from error
    manifest = Manifest(
        suite=entry.suite,
        suite_sha256=entry.suite_sha256,
        plan_sha256=entry.plan_sha256,
        cells=entry.cells,
        codecs=entry.codecs,
        gradients=entry.gradients,
        random=entry.random,
        searching=entry.searching,
        pictures=entry.pictures,
        notes=entry.notes,
        versions=entry.versions,
        machine=entry.machine,
        started=entry.started,
    )
    crafts = {one.key: one for one in records if isinstance(one, CraftRecord)}
    measures = [one for one in records if isinstance(one, MeasureRecord)]
    return Run(folder, manifest, crafts, measures, entry.timings)
