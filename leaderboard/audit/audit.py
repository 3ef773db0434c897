"""The published board, doubted: entries against what they must hold, pages against the entries.

entry --integrity--> hashes, figures; --plan made again--> records that must be there
archive --reencode--> scores; --decoded--> what the page shows
entries --pages--> README.md, index.html, byte for byte
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
from bench.store.run_folder import Run
from bench.verify.findings import Event, Finding, SavedPictures
from bench.verify.reencode import RECORDS as RUN_RECORDS
from bench.verify.reencode import make_codec_or_skip, reencode
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import MANIFEST, inconsistent_records, missing_records
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
    refuse_plugins,
    run_of,
)
from leaderboard.publish.entry_scope import EntryScope, mislabelled, plan_sha256, ungiven
from leaderboard.publish.published_board import challenges, entries
from leaderboard.publish.tracks import Track, shipped, track_of
from leaderboard.web.site import pages


def undeclared_capabilities(entry: Entry, again: ReplannedRun) -> Iterator[Finding]:
    """Yield which codecs offer gradients, or draw random numbers, and are not listed so.

    A codec that cannot be made here is passed over.
    """
    for label, choice in again.points.items():
        if label in entry.gradients and label not in entry.codecs:
            continue
        codec = make_codec_or_skip(choice)
        if not isinstance(codec, Codec):
            continue
        if label not in entry.gradients and offers_gradients(codec):
            yield Finding(ENTRY, f"gradients: {label} offers them, and is not listed")
        if label not in entry.random and isinstance(codec, Randomised):
            yield Finding(ENTRY, f"random: {label} draws random numbers, and is not listed")


def audit_board(board: Path) -> Iterator[Finding]:
    """Yield what is wrong with a published board; nothing is coded.

    Args:
        board: its folder.
    """
    known = shipped()
    for one in entries(board):
        yield from _of_shipped(one.entry, known, one.folder / ENTRY)
        yield from broken(one.entry, one.folder)
    for other in challenges(board):
        yield from _of_shipped(other.challenge, known, other.folder / CHALLENGE)
        yield from broken_challenge(other.challenge, other.folder)
    try:
        made = pages(board)
    except (BenchError, ArithmeticError, ValueError) as error:
        yield Finding(str(board), f"gives no pages: {one_line(error)}")
        return
    for name, page in made.items():
        path = board / name
        if not path.is_file() or path.read_bytes() != page:
            yield Finding(
                str(path), "is not what the entries give; `bench publish --to` writes it anew"
            )


def audit_entry(folder: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield what is wrong with an entry, and which of its cells are as recorded, coded again.

    Args:
        folder: of the entry.
        suite_folder: where relative paths of its suite are looked up first.
        plugins: whether the plugins that it names may run.

    Raises:
        ConfigError: it names plugins, and they may not.
    """
    entry = read_entry(folder)
    refuse_plugins(entry, folder, allowed=plugins)
    try:
        run = _with_sources(entry, run_of(entry, folder))
        inside = unzipped(folder, ARCHIVE)
        again = replan(run.manifest, suite_folder)
        track = track_of(run.manifest, suite_folder)
    except BenchError as error:
        yield Finding(f"{folder / ENTRY}", one_line(error))
        yield from broken(entry, folder)
        return
    yield from broken(entry, folder)
    members = entry.codecs.keys() - setting(run).references
    yield from _on_track(entry, again, track, members)
    own = EntryScope(members, setting(run).references, track.codecs).of(again.plan)
    again = replace(again, plan=own)
    yield from _planned(entry, plan_sha256(own), folder / ENTRY)
    place = f"{folder / ARCHIVE}: adversarial/"
    read = SavedPictures(place, lambda key: inside.get(f"adversarial/{key}.png"), is_whole=False)
    doubted = chain(
        inconsistent_records(run, again), missing_records(run, again), reencode(run, again, read)
    )
    yield from _placed(doubted, folder, ENTRY)
    yield from bitstreams(entry, again, inside, folder)


def audit_challenge(folder: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield what is wrong with a challenge, and which of its cells are as recorded, coded again.

    Args:
        folder: of the challenge.
        suite_folder: where relative paths of its suite are looked up first.
        plugins: whether the plugins that it names may run.

    Raises:
        ConfigError: it names plugins, and they may not.
    """
    kept = read_challenge(folder)
    yield from broken_challenge(kept, folder)
    refuse_plugins(kept, folder, allowed=plugins)
    try:
        run = run_of(kept, folder)
        inside = unzipped(folder, PICTURES)
        again = replanned(replan(run.manifest, suite_folder), run, kept.by)
        track = track_of(run.manifest, suite_folder)
    except BenchError as error:
        yield Finding(f"{folder / CHALLENGE}", one_line(error))
        return
    yield from _of_track(kept, track, CHALLENGE)
    yield from _planned(kept, plan_digest(again.plan), folder / CHALLENGE)
    place = f"{folder / PICTURES}: adversarial/"
    read = SavedPictures(place, lambda key: inside.get(f"adversarial/{key}.png"))
    doubted = chain(
        inconsistent_records(run, again), missing_records(run, again), reencode(run, again, read)
    )
    yield from _placed(doubted, folder, CHALLENGE)


def _placed(events: Iterable[Event], folder: Path, own: str) -> Iterator[Event]:
    """Say of findings where they stand here: a run has the same in files of its own."""
    here = {MANIFEST: own, RUN_RECORDS: RECORDS}
    for event in events:
        if isinstance(event, Finding):
            name, colon, rest = event.where.partition(":")
            place = folder / here[name] if name in here else name
            yield replace(event, where=f"{place}{colon}{rest}")
        else:
            yield event


def _with_sources(entry: Entry, run: Run) -> Run:
    """Return the records with the fingerprints of the codecs that pictures were made against."""
    told = run.manifest.model_copy(update={"codecs": entry.codecs | entry.sources})
    return replace(run, manifest=told)


def _on_track(
    entry: Entry, again: ReplannedRun, track: Track, members: AbstractSet[str]
) -> Iterator[Event]:
    """Yield why an entry cannot stand on its track; see `leaderboard.publish.publish`."""
    yield from _of_track(entry, track, ENTRY)
    for sentence in (*mislabelled(again, track), *ungiven(again, track, members)):
        yield Finding(ENTRY, sentence)
    yield from undeclared_capabilities(entry, again)


def _of_track(one: HashedFolder, track: Track, own: str) -> Iterator[Finding]:
    """Yield whether it is of another suite than the track it names."""
    if (track.name, track.sha256) != (one.track, one.track_sha256):
        yield Finding(
            own,
            f"track is {one.track}, {one.track_sha256}; its suite is {track.name}, {track.sha256}",
        )


def _of_shipped(one: HashedFolder, known: Mapping[str, Track], place: Path) -> Iterator[Finding]:
    """Yield whether the track is another one than ships under its name."""
    found = known[one.track].sha256 if one.track in known else "none"
    if one.track_sha256 != found:
        yield Finding(
            str(place),
            f"track_sha256 is {one.track_sha256}, the track {one.track} of this version has"
            f" {found}",
        )


def _planned(one: HashedFolder, found: str, place: Path) -> Iterator[Finding]:
    if one.plan_sha256 != found:
        yield Finding(
            str(place),
            f"plan_sha256 is {one.plan_sha256}, the jobs of its suite, pictures and fingerprints"
            f" have {found}; one of these was altered, or an attack has another version here",
        )
