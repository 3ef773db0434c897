"""Finished runs of a track -> entries: one codec each, with all that is needed to doubt it.

Run --contradictions, track, completeness--> families --cut--> records of one codec
worst cases --coded again--> bitstreams, views --> entry folder, whole or not at all
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from bench.errors import ConfigError, StoreError
from bench.store.run_folder import Run
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import contradictions
from leaderboard.aggregate.families import Family
from leaderboard.aggregate.suite_info import setting
from leaderboard.publish.entry import (
    ENTRY,
    RECORDS,
    Entry,
    Figure,
    packed,
    read_entry,
    sealed,
    sha256,
    slug,
    write_entry,
)
from leaderboard.publish.entry_scope import EntryScope, entry_scope, mislabelled, ungiven
from leaderboard.publish.published_board import ENTRIES
from leaderboard.publish.tracks import Track, track_of
from leaderboard.publish.worst_pictures import keep
from leaderboard.ranking.board import Board, build_board
from leaderboard.render.export import records as lines_of


@dataclass(frozen=True)
class Submission:
    """A run that may be published.

    Attributes:
        run: as it lies on disk.
        again: what it must have done.
        track: that it belongs to.
        board: made of it alone.
    """

    run: Run
    again: ReplannedRun
    track: Track
    board: Board

    @property
    def families(self) -> list[Family]:
        """Its codecs with all their qualities."""
        return list(self.board.comparisons[0].families)


def submission(run: Run, folder: Path) -> Submission:
    """Return a run as something to be published.

    Args:
        run: as it lies on disk.
        folder: where relative paths of its suite are looked up first.

    Raises:
        BenchError: it belongs to no track, is not finished, or contradicts itself.
    """
    track = track_of(run.manifest, folder)
    again = replan(run.manifest, folder)
    for finding in contradictions(run, again):
        raise StoreError(f"{run.folder} is not published: {finding}")
    for told in mislabelled(again, track):
        raise ConfigError(told)
    return Submission(run, again, track, build_board([run]))


def publish(given: Submission, codecs: Sequence[str], to: Path, by: str) -> list[Path]:
    """Write an entry for each codec of a run, in the place of an older one of that codec.

    Args:
        given: the run.
        codecs: the codecs to publish, by name; all if empty.
        to: the folder of the published board.
        by: who publishes.

    Returns:
        The entries' folders.

    Raises:
        BenchError: a codec is not in the run or cannot be published.
    """
    known = {family.name: family for family in given.families}
    for name in codecs:
        if name not in known:
            raise ConfigError(f"no codec of the run is called '{name}': {', '.join(known)}")
    return [_write(given, known[name], to, by) for name in codecs or known]


def _write(given: Submission, family: Family, to: Path, by: str) -> Path:
    place = to / ENTRIES / given.track.name / slug(family.name)
    _check_place(place, family, by)
    share = _share(given, family)
    for told in ungiven(given.again, given.track, share.members):
        raise ConfigError(told)
    entry, files = _entry(given, family, share, by)
    write_entry(place, {**files, ENTRY: sealed(entry)})
    return place


def _check_place(place: Path, family: Family, by: str) -> None:
    """See that no other codec's and nobody else's entry would be overwritten."""
    if not (place / ENTRY).is_file():
        return
    older = read_entry(place)
    if older.codec != family.name:
        raise ConfigError(
            f"{place} is the entry of '{older.codec}', whose name is too much like '{family.name}';"
            " label your operating points otherwise"
        )
    if older.by != by:
        raise ConfigError(
            f"{place} was published by '{older.by}', not by '{by}'; label your operating points"
            " otherwise, or remove that entry first if yours shall take its place"
        )


def _share(given: Submission, family: Family) -> EntryScope:
    labels = frozenset(member.row.place.codec for member in family.members)
    return EntryScope(labels, setting(given.run).references, given.track.codecs)


def _entry(
    given: Submission, family: Family, share: EntryScope, by: str
) -> tuple[Entry, dict[str, bytes]]:
    """Return an entry and its other files."""
    own = entry_scope(given.run, given.again, share)
    kept = keep(own, given.again, [member.row.place.codec for member in family.members])
    files = {RECORDS: packed([*own.crafts.values(), *own.measures]), **kept.files}
    manifest = own.manifest
    sources = {label for craft in own.crafts.values() for label in craft.sources}
    known = given.run.manifest.codecs
    entry = Entry(
        track=given.track.name,
        track_sha256=given.track.sha256,
        codec=family.name,
        by=by,
        published=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        started=manifest.started,
        versions=manifest.versions,
        machine=manifest.machine,
        codecs=manifest.codecs,
        sources={label: known[label] for label in sorted(sources - manifest.codecs.keys())},
        gradients=manifest.gradients,
        random=manifest.random,
        pictures=manifest.pictures,
        notes=manifest.notes,
        suite=manifest.suite,
        suite_sha256=manifest.suite_sha256,
        plan_sha256=manifest.plan_sha256,
        cells=manifest.cells,
        figures=figures(own),
        worst=kept.worst,
        files={name: sha256(content) for name, content in sorted(files.items())},
        archive=kept.archive,
    )
    return entry, files


def figures(run: Run) -> list[dict[str, Figure]]:
    """Return the lines of the board that a codec alone has; JSON has no infinity."""
    found = lines_of(build_board([run]))
    return [
        {
            name: str(value) if isinstance(value, float) and math.isinf(value) else value
            for name, value in one.items()
        }
        for one in found
    ]
