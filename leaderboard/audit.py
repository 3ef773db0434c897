"""The published board, doubted: entries against their own records, pages against the entries.

entry.json --hashes--> files; --records, board--> figures; --archive, bench.recode--> scores
entries    --pages-->  README.md, index.html, byte for byte
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from bench.again import Again
from bench.codec import Codec
from bench.compare import DECIBEL
from bench.errors import BenchError, told
from bench.findings import Event, Evidence, Finding
from bench.metrics import psnr
from bench.recode import recode
from bench.run import make_codec
from bench.store import Run
from bench.verify import consistent, recovered
from leaderboard.challenge import CHALLENGE, PICTURES, read_challenge, replanned
from leaderboard.entry import (
    ARCHIVE,
    ENTRY,
    RECORDS,
    Entry,
    Figure,
    Sealed,
    read_entry,
    run_of,
    sha256,
)
from leaderboard.merge import foreign, of_others
from leaderboard.packing import content, unzipped
from leaderboard.publish import figures
from leaderboard.published import challenges, entries
from leaderboard.site import pages
from leaderboard.tracks import track_of


def audit_board(board: Path) -> Iterator[Finding]:
    """Yield what is wrong with a published board; nothing is coded.

    Args:
        board: its folder.
    """
    for one in entries(board):
        yield from audit_files(one.entry, one.folder)
    for other in challenges(board):
        yield from _sealed(other.challenge, other.folder, CHALLENGE)
        yield from _archive(other.challenge, other.folder, PICTURES, CHALLENGE)
    try:
        made = pages(board)
    except BenchError as error:
        yield Finding(str(board), f"gives no pages: {told(error)}")
        return
    for name, page in made.items():
        path = board / name
        if not path.is_file() or path.read_bytes() != page:
            yield Finding(
                str(path), "is not what the entries give; `bench publish --to` writes it anew"
            )


def audit_entry(folder: Path, suite_folder: Path) -> Iterator[Event]:
    """Yield what is wrong with an entry, and which of its cells are as recorded, coded again.

    Args:
        folder: of the entry.
        suite_folder: where relative paths of its suite are looked up first.
    """
    entry = read_entry(folder)
    yield from audit_files(entry, folder)
    try:
        run = run_of(entry, folder)
    except BenchError:
        return
    run = Run(
        run.folder,
        run.manifest.model_copy(update={"codecs": entry.codecs | entry.sources}),
        run.crafts,
        run.measures,
    )
    try:
        again = recovered(run, suite_folder)
        yield from _track(entry, run, suite_folder)
    except BenchError as error:
        yield Finding(f"{folder / ENTRY}", told(error))
        return
    yield from consistent(run, again)
    inside = unzipped(folder, ARCHIVE)
    place = f"{folder / ARCHIVE}: adversarial/"
    read = Evidence(place, lambda key: inside.get(f"adversarial/{key}.png"), is_whole=False)
    yield from recode(run, again, read)
    yield from _bitstreams(entry, again, inside, folder)


def audit_challenge(folder: Path, suite_folder: Path) -> Iterator[Event]:
    """Yield what is wrong with a challenge, and which of its cells are as recorded, coded again.

    Args:
        folder: of the challenge.
        suite_folder: where relative paths of its suite are looked up first.
    """
    kept = read_challenge(folder)
    yield from _sealed(kept, folder, CHALLENGE)
    yield from _archive(kept, folder, PICTURES, CHALLENGE)
    try:
        run = run_of(kept, folder)
        again = replanned(recovered(run, suite_folder), run, kept.by)
        yield from _track(kept, run, suite_folder)
    except BenchError as error:
        yield Finding(f"{folder / CHALLENGE}", told(error))
        return
    yield from consistent(run, again)
    inside = unzipped(folder, PICTURES)
    place = f"{folder / PICTURES}: adversarial/"
    yield from recode(run, again, Evidence(place, lambda key: inside.get(f"adversarial/{key}.png")))


def audit_files(entry: Entry, folder: Path) -> Iterator[Finding]:
    """Yield what in an entry does not fit its hashes and its own records.

    Args:
        entry: as read.
        folder: where its other files are.
    """
    run = yield from _sealed(entry, folder, ENTRY)
    yield from _archive(entry, folder, ARCHIVE, ENTRY)
    if run is None:
        return
    try:
        for told_of in (*foreign(entry, run), *of_others(entry, run)):
            yield Finding(str(folder / ENTRY), told_of)
        yield from _figures(entry, run, folder)
    except (BenchError, KeyError) as error:
        yield Finding(str(folder / RECORDS), f"give no figures: {told(error)}")


def _sealed(one: Sealed, folder: Path, own: str) -> Generator[Finding, None, Run | None]:
    """Yield which files are not those that were published; return their records."""
    for name, kept in one.files.items():
        try:
            found = sha256(content(folder, name))
        except BenchError as error:
            found = f"none: {told(error)}"
        if found != kept:
            yield Finding(str(folder / name), f"its hash is {found}, {own} says {kept}")
    try:
        run = run_of(one, folder)
    except BenchError as error:
        yield Finding(str(folder / RECORDS), told(error))
        return None
    if len(run.measures) != one.cells:
        yield Finding(str(folder / own), f"cells is {one.cells}, not {len(run.measures)}")
    return run


def _archive(one: Sealed, folder: Path, name: str, own: str) -> Iterator[Finding]:
    """Yield which files in an archive are not those that were put there."""
    try:
        inside = {path: sha256(file) for path, file in unzipped(folder, name).items()}
    except BenchError as error:
        yield Finding(str(folder / name), told(error))
        return
    for path in sorted(inside.keys() | one.archive.keys()):
        found, kept = (table.get(path, "none") for table in (inside, one.archive))
        if found != kept:
            yield Finding(
                f"{folder / name}: {path}",
                f"its hash is {found}, {own} says {kept}; none: missing or damaged",
            )


def _figures(entry: Entry, run: Run, folder: Path) -> Iterator[Finding]:
    """Yield which figures do not follow from the records."""
    found = figures(run)
    if len(found) != len(entry.figures):
        yield Finding(str(folder / ENTRY), f"{len(entry.figures)} lines of figures")
    for kept, made in zip(entry.figures, found, strict=False):
        for name in kept.keys() | made.keys():
            if not _same(kept.get(name), made.get(name)):
                yield Finding(
                    f"{folder / ENTRY}: figures, {made.get('codec')}, {made.get('budget')}",
                    f"{name} is {kept.get(name)!r}, the records give {made.get(name)!r}",
                )


def _same(kept: Figure, made: Figure) -> bool:
    if isinstance(kept, float) and isinstance(made, float):
        return math.isclose(kept, made, rel_tol=1e-9)
    return kept == made


def _track(entry: Sealed, run: Run, folder: Path) -> Iterator[Finding]:
    """Yield whether an entry is of another suite than the track it names."""
    track = track_of(run.manifest, folder)
    if (track.name, track.sha256) != (entry.track, entry.track_sha256):
        yield Finding(
            ENTRY,
            f"track is {entry.track}, {entry.track_sha256}; its suite is {track.name},"
            f" {track.sha256}",
        )


def _bitstreams(
    entry: Entry, again: Again, inside: Mapping[str, bytes], folder: Path
) -> Iterator[Finding]:
    """Yield which bitstreams do not decode to what the entry shows."""
    sources = {picture.name: picture.pixels for picture in again.pictures}
    codecs: dict[str, Codec] = {}
    for one in entry.worst:
        place = f"{folder / ARCHIVE}: {one.bitstream}"
        try:
            codec = codecs.setdefault(one.codec, make_codec(again.points[one.codec]))
            decoded = codec.decode(inside[one.bitstream])
        except KeyError as error:
            yield Finding(place, f"there is no {error}")
            continue
        except BenchError as error:
            yield Finding(place, f"does not decode: {told(error)}")
            continue
        source = sources[one.picture]
        bpp = 8 * len(inside[one.bitstream]) / (source.shape[0] * source.shape[1])
        found = psnr(source, decoded)
        if bpp != one.bpp or not math.isclose(found, one.psnr_source, abs_tol=DECIBEL, rel_tol=0):
            yield Finding(
                place,
                f"is {bpp:.6g} bpp and decodes to {found:.4f} dB, {ENTRY} says {one.bpp:.6g} and"
                f" {one.psnr_source:.4f}",
            )
