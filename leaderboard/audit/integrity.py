"""What of an entry or a challenge does not fit its own hashes and records; nothing is coded.

entry.json --hashes--> files, archive, suite; records --board--> figures, the worst pictures
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from pathlib import Path

from bench.errors import BenchError, one_line
from bench.store.run_folder import Run
from bench.utils.hashing import digest
from bench.verify.findings import Finding
from leaderboard.aggregate.suite_info import setting
from leaderboard.publish.archive import content, unzipped
from leaderboard.publish.challenge import CHALLENGE, PICTURES, Challenge
from leaderboard.publish.entry import (
    ARCHIVE,
    ENTRY,
    RECORDS,
    Entry,
    HashedFolder,
    Worst,
    run_of,
    sha256,
)
from leaderboard.publish.merge import foreign, of_others
from leaderboard.publish.publish import figures
from leaderboard.publish.worst_pictures import hardest


def broken(entry: Entry, folder: Path) -> Iterator[Finding]:
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
        for sentence in (*foreign(entry, run), *of_others(entry, run)):
            yield Finding(str(folder / ENTRY), sentence)
        yield from _figures(entry, run, folder)
        yield from _worst(entry, run, folder)
    except (BenchError, KeyError, ArithmeticError, ValueError) as error:
        yield Finding(str(folder / RECORDS), f"give no figures: {one_line(error)}")


def broken_challenge(kept: Challenge, folder: Path) -> Iterator[Finding]:
    """Yield what in a challenge does not fit its hashes."""
    yield from _sealed(kept, folder, CHALLENGE)
    yield from _archive(kept, folder, PICTURES, CHALLENGE)


def _sealed(one: HashedFolder, folder: Path, own: str) -> Generator[Finding, None, Run | None]:
    """Yield which files are not those that were published; return their records."""
    if RECORDS not in one.files:
        yield Finding(str(folder / own), f"files: {RECORDS} is not among them")
    for name, kept in one.files.items():
        try:
            found = sha256(content(folder, name))
        except BenchError as error:
            found = f"none: {one_line(error)}"
        if found != kept:
            yield Finding(str(folder / name), f"its hash is {found}, {own} says {kept}")
    if one.suite_sha256 != (found := digest(one.suite)):
        yield Finding(
            str(folder / own), f"suite_sha256 is {one.suite_sha256}, the suite in it has {found}"
        )
    try:
        run = run_of(one, folder)
    except BenchError as error:
        yield Finding(str(folder / RECORDS), one_line(error))
        return None
    if len(run.measures) != one.cells:
        yield Finding(str(folder / own), f"cells is {one.cells}, not {len(run.measures)}")
    return run


def _archive(one: HashedFolder, folder: Path, name: str, own: str) -> Iterator[Finding]:
    """Yield which files in an archive are not those that were put there."""
    if name not in one.files:
        yield Finding(str(folder / own), f"files: {name} is not among them")
    try:
        inside = {path: sha256(file) for path, file in unzipped(folder, name).items()}
    except BenchError as error:
        yield Finding(str(folder / name), one_line(error))
        return
    for path in sorted(inside.keys() | one.archive.keys()):
        place = f"{folder / name}: {path}"
        found, kept = inside.get(path), one.archive.get(path)
        if found is None:
            yield Finding(place, "is missing or damaged")
        elif kept is None:
            yield Finding(place, f"{own} does not name it")
        elif found != kept:
            yield Finding(place, f"its hash is {found}, {own} says {kept}")


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


def _same(kept: object, made: object) -> bool:
    if isinstance(kept, float) and isinstance(made, float):
        return math.isclose(kept, made, rel_tol=1e-9)
    return kept == made


def _worst(entry: Entry, run: Run, folder: Path) -> Iterator[Finding]:
    """Yield which of the worst pictures are not those of the records, or are not shown by files."""
    labels = [label for label in entry.codecs if label not in setting(run).references]
    kept = {_place(one): one for one in entry.worst}
    made = {_place(one): one for one, _ in hardest(run, labels)}
    if len(kept) != len(entry.worst):
        yield Finding(str(folder / ENTRY), "worst tells something twice")
    for place in kept.keys() | made.keys():
        where = f"{folder / ENTRY}: worst, {place}"
        yield from _unlike(where, kept.get(place), made.get(place))
    for name in {name for one in entry.worst for name in one.views.values()} - entry.files.keys():
        yield Finding(str(folder / ENTRY), f"worst shows {name}, which is none of its files")


def _place(one: Worst) -> str:
    return f"{one.codec}, {one.budget}, {one.lost}"


def _unlike(where: str, kept: Worst | None, made: Worst | None) -> Iterator[Finding]:
    if kept is None or made is None:
        yield Finding(where, "is left out" if kept is None else "is not in the records")
        return
    for name in Worst.model_fields.keys() - {"views"}:
        ours, theirs = getattr(kept, name), getattr(made, name)
        if not _same(ours, theirs):
            yield Finding(where, f"{name} is {ours!r}, the records give {theirs!r}")
