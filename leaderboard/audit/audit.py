"""Audits of the published board: entries against their suites, pages against the entries.

entry --integrity--> hashes, figures; --replanned--> records that must be there
archive --reencode--> scores; --decoded--> what the page shows
entries --pages--> README.md, index.html, tracks/TRACK.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bench.codec import Codec, Randomised
from bench.engine.runner import plan_digest
from bench.errors import BenchError, one_line
from bench.store.manifest import MANIFEST
from bench.store.pictures import PICTURES as SAVED_PICTURES
from bench.store.pictures import picture_file
from bench.store.records_file import RECORDS as RUN_RECORDS
from bench.store.run_folder import Run
from bench.verify.consent import refuse_foreign_code
from bench.verify.findings import Event, Finding, SavedPictures, not_replanned
from bench.verify.reencode import make_codec_or_skip, reencode
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import inconsistent_records, missing_records
from bench.wrapping import offers_gradients
from leaderboard.aggregate.suite_info import setting
from leaderboard.audit.bitstreams import bitstreams
from leaderboard.audit.integrity import broken, broken_challenge
from leaderboard.publish.archive import unzipped
from leaderboard.publish.challenge import CHALLENGE, PICTURES, read_challenge, replanned
from leaderboard.publish.entry import (
    ARCHIVE,
    ENTRY,
    RECORDS,
    Entry,
    HashedFolder,
    read_entry,
    run_of,
)
from leaderboard.publish.entry_scope import (
    EntryScope,
    mislabelled,
    plan_sha256,
    unfit,
)
from leaderboard.publish.published_board import challenges, entries
from leaderboard.publish.tracks import Track, shipped, track_of
from leaderboard.web.assets import same_page
from leaderboard.web.site import pages, unknown_track_pages


def undeclared_capabilities(entry: Entry, again: ReplannedRun) -> Iterator[Finding]:
    """Yield codecs that offer gradients or are nondeterministic but are not listed as such.

    Codecs that are not available here are skipped.
    """
    for label, choice in again.points.items():
        if label in entry.gradients and label not in entry.codecs:
            continue
        codec = make_codec_or_skip(choice)
        if not isinstance(codec, Codec):
            continue
        if label not in entry.gradients and offers_gradients(codec):
            yield Finding(ENTRY, f"gradients: {label} offers gradients but is not listed")
        if label not in entry.random and isinstance(codec, Randomised):
            yield Finding(ENTRY, f"random: {label} is nondeterministic but is not listed")


def audit_board(board: Path) -> Iterator[Finding]:
    """Yield what is wrong with a published board, without encoding any picture.

    Args:
        board: the folder of the board.
    """
    known = shipped()
    for one in entries(board):
        yield from _of_shipped(one.entry, known, one.folder / ENTRY)
        yield from broken(one.entry, one.folder)
    for other in challenges(board):
        yield from _of_shipped(other.challenge, known, other.folder / CHALLENGE)
        yield from broken_challenge(other.challenge, other.folder)
    try:
        expected = pages(board)
    except (BenchError, ArithmeticError, ValueError) as error:
        yield Finding(str(board), f"gives no pages: {one_line(error)}")
        return
    for name, page in expected.items():
        path = board / name
        if not path.is_file() or not same_page(path.read_bytes(), page):
            yield Finding(
                str(path), "is not what the entries give; write it again with `bench publish --to`"
            )
    for path in unknown_track_pages(board, expected):
        yield Finding(str(path), "is the page of a track without entries; remove it")


def audit_entry(folder: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield what is wrong with an entry, and which evaluations are confirmed by encoding again.

    Args:
        folder: the entry's folder.
        suite_folder: where relative paths of its suite start.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        ConfigError: it names plugins or programs, and they are not allowed.
    """
    entry = read_entry(folder)
    refuse_foreign_code(entry.suite, folder, entry.by, allowed=plugins)
    try:
        run = with_sources(entry, run_of(entry, folder))
        inside = unzipped(folder, ARCHIVE)
        track = track_of(run.manifest, suite_folder)
        again = replan(run.manifest, suite_folder)
    except BenchError as error:
        yield not_replanned(f"{folder / ENTRY}", error)
        yield from broken(entry, folder)
        return
    yield from broken(entry, folder)
    members = entry.codecs.keys() - setting(run).references
    yield from _on_track(entry, again, track, members)
    own = EntryScope(members, setting(run).references, track.sources).of(again.plan)
    again = replace(again, plan=own)
    yield from _planned(entry, plan_sha256(own), folder / ENTRY)
    read = archived_pictures(folder, inside)
    events = chain(
        inconsistent_records(run, again), missing_records(run, again), reencode(run, again, read)
    )
    yield from placed(events, folder, ENTRY)
    yield from bitstreams(entry, again, inside, folder)


def audit_challenge(folder: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield what is wrong with a challenge, and which evaluations are confirmed by encoding again.

    Args:
        folder: the challenge's folder.
        suite_folder: where relative paths of its suite start.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        ConfigError: it names plugins or programs, and they are not allowed.
    """
    submitted = read_challenge(folder)
    yield from broken_challenge(submitted, folder)
    refuse_foreign_code(submitted.suite, folder, submitted.by, allowed=plugins)
    try:
        run = run_of(submitted, folder)
        inside = unzipped(folder, PICTURES)
        track = track_of(run.manifest, suite_folder)
        again = replanned(replan(run.manifest, suite_folder), run, submitted.by)
    except BenchError as error:
        yield not_replanned(f"{folder / CHALLENGE}", error)
        return
    yield from _of_track(submitted, track, CHALLENGE)
    yield from _planned(submitted, plan_digest(again.plan), folder / CHALLENGE)
    place = f"{folder / PICTURES}: {SAVED_PICTURES}/"
    read = SavedPictures(place, lambda key: inside.get(picture_file(key)))
    events = chain(
        inconsistent_records(run, again), missing_records(run, again), reencode(run, again, read)
    )
    yield from placed(events, folder, CHALLENGE)


def placed(events: Iterable[Event], folder: Path, own: str) -> Iterator[Event]:
    """Replace the files of a run folder in findings by those of the entry or challenge."""
    files = {MANIFEST: own, RUN_RECORDS: RECORDS}
    for event in events:
        if isinstance(event, Finding):
            name, colon, rest = event.where.partition(":")
            place = folder / files[name] if name in files else name
            yield replace(event, where=f"{place}{colon}{rest}")
        else:
            yield event


def archived_pictures(folder: Path, inside: Mapping[str, bytes]) -> SavedPictures:
    """Return the worst adversarial pictures of an entry from the files of its archive."""
    place = f"{folder / ARCHIVE}: {SAVED_PICTURES}/"
    return SavedPictures(place, lambda key: inside.get(picture_file(key)), is_whole=False)


def with_sources(entry: Entry, run: Run) -> Run:
    """Return the run with the fingerprints of all source codecs."""
    manifest = run.manifest.model_copy(update={"codecs": entry.codecs | entry.sources})
    return replace(run, manifest=manifest)


def _on_track(
    entry: Entry, again: ReplannedRun, track: Track, members: AbstractSet[str]
) -> Iterator[Event]:
    """Yield why an entry cannot stand on its track; see `leaderboard.publish.publish`."""
    yield from _of_track(entry, track, ENTRY)
    for sentence in chain(mislabelled(again, track), unfit(again, track, members)):
        yield Finding(ENTRY, sentence)
    yield from undeclared_capabilities(entry, again)


def _of_track(one: HashedFolder, track: Track, own: str) -> Iterator[Finding]:
    """Yield a finding if the suite is not the one of the named track."""
    if (track.name, track.sha256) != (one.track, one.track_sha256):
        yield Finding(
            own,
            f"track is {one.track}, {one.track_sha256}; its suite is {track.name}, {track.sha256}",
        )


def _of_shipped(one: HashedFolder, known: Mapping[str, Track], place: Path) -> Iterator[Finding]:
    """Yield a finding if the track is not the bundled one of that name."""
    bundled = known[one.track].sha256 if one.track in known else "none"
    if one.track_sha256 != bundled:
        yield Finding(
            str(place),
            f"track_sha256 is {one.track_sha256}, the track {one.track} of this version has"
            f" {bundled}",
        )


def _planned(one: HashedFolder, expected: str, place: Path) -> Iterator[Finding]:
    if one.plan_sha256 != expected:
        yield Finding(
            str(place),
            f"plan_sha256 is {one.plan_sha256}, the jobs of its suite, pictures and fingerprints"
            f" have {expected}; one of these was altered, or an attack has another version here",
        )
