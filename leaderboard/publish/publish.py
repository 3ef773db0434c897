"""Finished runs of a track -> entries: one per codec, with everything that an audit needs.

Run --contradictions, track, completeness--> families --scope--> records of one codec
worst cases --encoded again--> bitstreams, views --> entry folder, written completely or not at all
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from bench.errors import ConfigError, StoreError
from bench.store.run_folder import Run
from bench.verify.consent import refuse_foreign_code
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import contradictions
from leaderboard.aggregate.families import Family
from leaderboard.aggregate.suite_info import setting
from leaderboard.codec_names import codec_named
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
)
from leaderboard.publish.entry_folder import current, write_entry
from leaderboard.publish.entry_scope import (
    EntryScope,
    entry_scope,
    mislabelled,
    unfit,
)
from leaderboard.publish.published_board import ENTRIES
from leaderboard.publish.tracks import Track, track_of
from leaderboard.publish.worst_pictures import worst_pictures
from leaderboard.ranking.board import Board, build_board
from leaderboard.render.export import records as lines_of


@dataclass(frozen=True)
class Submission:
    """A run that may be published.

    Attributes:
        run: the run as it is on disk.
        again: the replanned run.
        track: the track that it belongs to.
        board: the board of this run only.
    """

    run: Run
    again: ReplannedRun
    track: Track
    board: Board

    @property
    def families(self) -> list[Family]:
        """Its codecs at every quality setting."""
        return list(self.board.comparisons[0].families)


def submission(run: Run, folder: Path, *, plugins: bool = False) -> Submission:
    """Return a run that may be published.

    Args:
        run: the run as it is on disk.
        folder: where relative paths of its suite start.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        BenchError: the run belongs to no track, is not finished, contradicts itself, or names
            plugins or programs that are not allowed.
    """
    refuse_foreign_code(run.manifest.suite, run.folder, "", allowed=plugins)
    track = track_of(run.manifest, folder)
    again = replan(run.manifest, folder)
    for finding in contradictions(run, again):
        raise StoreError(f"{run.folder} is not published: {finding}")
    for sentence in mislabelled(again, track):
        raise ConfigError(sentence)
    return Submission(run, again, track, build_board([run]))


def publish(submitted: Submission, codecs: Sequence[str], to: Path, by: str) -> list[Path]:
    """Write an entry for each codec of a run; an older entry of the codec is replaced.

    Args:
        submitted: the run.
        codecs: names of the codecs to publish; all if empty.
        to: the folder of the published board.
        by: publisher.

    Returns:
        The entries' folders.

    Raises:
        BenchError: a codec is not in the run or cannot be published.
    """
    known = {family.name: family for family in submitted.families}
    labels = {name: _labels(family) for name, family in known.items()}
    chosen = [codec_named(name, labels, "the run") for name in codecs]
    return [_write(submitted, known[name], to, by) for name in chosen or known]


def _write(submitted: Submission, family: Family, to: Path, by: str) -> Path:
    place = to / ENTRIES / submitted.track.name / slug(family.name)
    _check_place(place, family, by)
    scope = _scope(submitted, family)
    again = submitted.again
    for sentence in unfit(again, submitted.track, scope.members):
        raise ConfigError(sentence)
    entry, files = _entry(submitted, family, scope, by)
    write_entry(place, {**files, ENTRY: sealed(entry)})
    return place


def _check_place(place: Path, family: Family, by: str) -> None:
    """Refuse to overwrite the entry of another codec or of another publisher."""
    if not (current(place) / ENTRY).is_file():
        return
    older = read_entry(current(place))
    if older.codec != family.name:
        raise ConfigError(
            f"{place} is the entry of '{older.codec}', whose folder has the same name as that of"
            f" '{family.name}'; give your operating points other labels"
        )
    if older.by != by:
        raise ConfigError(
            f"{place} was published by '{older.by}', not by '{by}'; give your operating points"
            " other labels, or remove that entry first to replace it"
        )


def _scope(submitted: Submission, family: Family) -> EntryScope:
    return EntryScope(
        frozenset(_labels(family)), setting(submitted.run).references, submitted.track.sources
    )


def _labels(family: Family) -> list[str]:
    return [member.row.place.codec for member in family.members]


def _entry(
    submitted: Submission, family: Family, scope: EntryScope, by: str
) -> tuple[Entry, dict[str, bytes]]:
    """Return an entry and its other files."""
    own = entry_scope(submitted.run, submitted.again, scope)
    worst = worst_pictures(own, submitted.again, _labels(family))
    files = {RECORDS: packed([*own.crafts.values(), *own.measures]), **worst.files}
    manifest = own.manifest
    sources = {label for craft in own.crafts.values() for label in craft.sources}
    known = submitted.run.manifest.codecs
    entry = Entry(
        track=submitted.track.name,
        track_sha256=submitted.track.sha256,
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
        searching=manifest.searching,
        pictures=manifest.pictures,
        notes=manifest.notes,
        suite=manifest.suite,
        suite_sha256=manifest.suite_sha256,
        plan_sha256=manifest.plan_sha256,
        cells=manifest.cells,
        timings=own.timings,
        figures=figures(own),
        worst=worst.worst,
        files={name: sha256(content) for name, content in sorted(files.items())},
        archive=worst.archive,
    )
    return entry, files


def figures(run: Run) -> list[dict[str, Figure]]:
    """Return the exported lines of a board of one run; infinities are text, as JSON has none."""
    return [
        {
            name: str(value) if isinstance(value, float) and math.isinf(value) else value
            for name, value in line.items()
        }
        for line in lines_of(build_board([run]))
    ]
