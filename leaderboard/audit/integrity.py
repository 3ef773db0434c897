"""Checks of an entry or a challenge against its own hashes and records, without any encoding.

entry.json --hashes--> files, archive, suite; records --board--> figures, the worst pictures
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Hashable, Iterator
from itertools import chain
from pathlib import Path

from bench.errors import BenchError, one_line
from bench.store.run_folder import Run
from bench.utils.hashing import digest
from bench.verify.findings import Finding
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS, QUERIES, UNAWARE
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
    """Yield what in an entry does not match its hashes and its own records.

    Args:
        entry: the entry.
        folder: the folder with its other files.
    """
    run = yield from _sealed(entry, folder, ENTRY)
    yield from _archive(entry, folder, ARCHIVE, ENTRY)
    if run is None:
        return
    try:
        for sentence in chain(foreign(entry, run), of_others(entry, run), _without_unaware(run)):
            yield Finding(str(folder / ENTRY), sentence)
        yield from _figures(entry, run, folder)
        yield from _worst(entry, run, folder)
    except (BenchError, KeyError, ArithmeticError, ValueError) as error:
        yield Finding(str(folder / RECORDS), f"give no figures: {one_line(error)}")


def broken_challenge(challenge: Challenge, folder: Path) -> Iterator[Finding]:
    """Yield what in a challenge does not match its hashes."""
    yield from _sealed(challenge, folder, CHALLENGE)
    yield from _archive(challenge, folder, PICTURES, CHALLENGE)


def _sealed(one: HashedFolder, folder: Path, own: str) -> Generator[Finding, None, Run | None]:
    """Yield the files that differ from the published ones; return the records."""
    if RECORDS not in one.files:
        yield Finding(str(folder / own), f"files: {RECORDS} is not among them")
    for name, published in one.files.items():
        try:
            actual = sha256(content(folder, name))
        except BenchError as error:
            actual = f"none: {one_line(error)}"
        if actual != published:
            yield Finding(str(folder / name), f"its hash is {actual}, {own} says {published}")
    if one.suite_sha256 != (actual := digest(one.suite)):
        yield Finding(
            str(folder / own), f"suite_sha256 is {one.suite_sha256}, the suite in it has {actual}"
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
    """Yield the files of an archive that differ from the published ones."""
    if name not in one.files:
        yield Finding(str(folder / own), f"files: {name} is not among them")
    try:
        inside = {path: sha256(file) for path, file in unzipped(folder, name).items()}
    except BenchError as error:
        yield Finding(str(folder / name), one_line(error))
        return
    for path in sorted(inside.keys() | one.archive.keys()):
        place = f"{folder / name}: {path}"
        actual, published = inside.get(path), one.archive.get(path)
        if actual is None:
            yield Finding(place, "is missing or damaged")
        elif published is None:
            yield Finding(place, f"{own} does not name it")
        elif actual != published:
            yield Finding(place, f"its hash is {actual}, {own} says {published}")


def _without_unaware(run: Run) -> Iterator[str]:
    """Yield a sentence for each defended codec that lacks pictures made against its bare codec.

    Each search on the defended codec must have its like on the bare codec. The records alone show
    whether it has, so this also holds where an entry's plugins do not run.
    """
    suite = setting(run)
    usual = {str(choice) for choice in suite.all_attacks if not (choice.sources or suite.sources)}
    searches: dict[tuple[str, str], set[Hashable]] = defaultdict(set)
    for record in (record for record in run.measures if record.craft is not None):
        craft = run.crafts[str(record.craft)]
        if craft.attack in usual:
            search = craft.attack, craft.objective, craft.budget, craft.picture
            searches[record.victim, record.threat].add(search)
    for label in (label for label in run.manifest.codecs if suite.choices[label].defence):
        own = searches[label, GRADIENTS] | searches[label, QUERIES]
        if missing := own - searches[label, UNAWARE]:
            yield (
                f"{label} was not scored on the pictures that {len(missing)} of {len(own)} searches"
                " found on its bare codec; publish its run again with this version"
            )


def _figures(entry: Entry, run: Run, folder: Path) -> Iterator[Finding]:
    """Yield the figures that do not follow from the records."""
    expected = figures(run)
    if len(expected) != len(entry.figures):
        yield Finding(
            str(folder / ENTRY),
            f"{len(entry.figures)} lines of figures, the records give {len(expected)}",
        )
    for ours, theirs in zip(entry.figures, expected, strict=False):
        for name in ours.keys() | theirs.keys():
            if not _same(ours.get(name), theirs.get(name)):
                yield Finding(
                    f"{folder / ENTRY}: figures, {theirs.get('codec')}, {theirs.get('budget')}",
                    f"{name} is {ours.get(name)!r}, the records give {theirs.get(name)!r}",
                )


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9)
    return ours == theirs


def _worst(entry: Entry, run: Run, folder: Path) -> Iterator[Finding]:
    """Yield the worst pictures that differ from the records, and views without a file."""
    labels = [label for label in entry.codecs if label not in setting(run).references]
    published = {_place(one): one for one in entry.worst}
    expected = {_place(one): one for one, _ in hardest(run, labels)}
    if len(published) != len(entry.worst):
        yield Finding(str(folder / ENTRY), "worst lists a picture twice")
    for place in published.keys() | expected.keys():
        where = f"{folder / ENTRY}: worst, {place}"
        yield from _unlike(where, published.get(place), expected.get(place))
    for name in {name for one in entry.worst for name in one.views.values()} - entry.files.keys():
        yield Finding(str(folder / ENTRY), f"worst shows {name}, which is not one of its files")


def _place(one: Worst) -> str:
    return f"{one.codec}, {one.budget}, {one.lost}"


def _unlike(where: str, published: Worst | None, expected: Worst | None) -> Iterator[Finding]:
    if published is None or expected is None:
        yield Finding(where, "is left out" if published is None else "is not in the records")
        return
    for name in Worst.model_fields.keys() - {"views"}:
        ours, theirs = getattr(published, name), getattr(expected, name)
        if not _same(ours, theirs):
            yield Finding(where, f"{name} is {ours!r}, the records give {theirs!r}")
