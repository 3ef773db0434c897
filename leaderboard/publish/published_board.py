"""The published board: entries on disk -> one run for each track -> README.md and index.html.

    entries/TRACK/CODEC/ --merged by track--> Run --board--> pages

The pages depend on the entries only, so anybody can check them against the entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from bench.errors import ConfigError, StoreError
from bench.registry.component_spec import ComponentSpec
from bench.store.manifest import Manifest
from bench.store.records import MeasureRecord
from bench.store.run_folder import Run
from bench.store.timings import Timings
from bench.utils.hashing import digest
from bench.utils.yaml_config import nearest
from leaderboard.aggregate.suite_info import setting
from leaderboard.codec_names import codec_named
from leaderboard.publish.challenge import CHALLENGE, CHALLENGES, Challenge, read_challenge
from leaderboard.publish.entry import ENTRY, Entry, read_entry, run_of, slug
from leaderboard.publish.entry_folder import current, settled
from leaderboard.publish.merge import merged

ENTRIES = "entries"


@dataclass(frozen=True)
class Published:
    """One entry and its folder."""

    entry: Entry
    folder: Path


def entries(board: Path) -> list[Published]:
    """Return the entries of a published board, in the order of their tracks and codecs.

    Raises:
        StoreError: an entry cannot be read, or is not in the folder of its track and codec.
    """
    folders = _folders(board / ENTRIES, f"*/*/{ENTRY}")
    published = [Published(read_entry(folder), folder) for folder in folders]
    for one in published:
        expected = board / ENTRIES / one.entry.track / one.entry.slug
        if settled(one.folder) != expected:
            raise StoreError(f"the entry in {one.folder} belongs in {expected}; move it there")
    return published


def entry_named(board: Path, track: str, typed: str) -> Published:
    """Return the entry of a codec on a track, each named as in the tables or in the entries.

    Raises:
        ConfigError: the board has no entry on the track, or none of this codec.
        StoreError: an entry cannot be read.
    """
    tracks: dict[str, dict[str, Published]] = defaultdict(dict)
    for one in entries(board):
        tracks[one.entry.track][one.entry.codec] = one
    if track not in tracks:
        raise ConfigError(f"{board} has no entry on the track '{track}'; {nearest(track, tracks)}")
    known = tracks[track]
    labels = {codec: list(one.entry.codecs) for codec, one in known.items()}
    return known[codec_named(typed, labels, f"the track {track}")]


@dataclass(frozen=True)
class Challenged:
    """One challenge and its folder."""

    challenge: Challenge
    folder: Path


def challenges(board: Path) -> list[Challenged]:
    """Return the challenges of a published board, in the order of their folders.

    Raises:
        StoreError: a challenge cannot be read, or is not in the folder of its track, codec and
            author.
    """
    folders = _folders(board / CHALLENGES, f"*/*/*/{CHALLENGE}")
    challenged = [Challenged(read_challenge(folder), folder) for folder in folders]
    for one in challenged:
        challenge = one.challenge
        track = board / CHALLENGES / challenge.track
        expected = track / slug(challenge.codec) / slug(challenge.by)
        if settled(one.folder) != expected:
            raise StoreError(f"the challenge in {one.folder} belongs in {expected}; move it there")
    return challenged


def _folders(place: Path, pattern: str) -> list[Path]:
    """Return the complete folders, also those whose replacement was interrupted."""
    places = {settled(path.parent) for path in place.glob(pattern)}
    return [current(one) for one in sorted(places) if not one.name.startswith(".")]


def runs(published: Iterable[Published]) -> list[Run]:
    """Return one run for each track, with all its codecs; the track with the most searches first.

    Raises:
        StoreError: records cannot be read, or two entries of a track contradict each other.
    """
    tracks: dict[str, list[Published]] = defaultdict(list)
    for one in published:
        tracks[one.entry.track].append(one)
    return sorted(map(_merged, tracks.values()), key=_searches, reverse=True)


def _searches(run: Run) -> int:
    """Return the number of adversarial pictures that were made against a codec."""
    return sum(bool(craft.sources) for craft in run.crafts.values())


def _merged(members: Sequence[Published]) -> Run:
    first = members[0].entry
    for one in members[1:]:
        _agree(first, one.entry)
    parts = [run_of(one.entry, one.folder) for one in members]
    records = merged(zip((one.entry for one in members), parts, strict=True))
    manifest = Manifest(
        suite=_suite(members, parts),
        suite_sha256=first.track_sha256,
        plan_sha256=digest([one.entry.plan_sha256 for one in members]),
        cells=len(records.measures),
        codecs=_joined([one.entry.codecs for one in members]),
        gradients=_union(one.entry.gradients for one in members),
        random=_union(one.entry.random for one in members),
        pictures=first.pictures,
        notes=first.notes,
        versions=_joined([one.entry.versions for one in members]),
        machine=_joined([one.entry.machine for one in members]),
        started=min(one.entry.started for one in members),
    )
    ordered = list(_ordered(records.measures, manifest))
    folder = members[0].folder.parent
    return Run(folder, manifest, records.crafts, ordered, _timings([one.entry for one in members]))


def _timings(members: Sequence[Entry]) -> Timings | None:
    """Return the timings of all entries; None if one has none, as its times do not compare."""
    known = [one.timings for one in members if one.timings is not None]
    if len(known) < len(members):
        return None
    return {label: timing for one in known for label, timing in one.items()}


def _agree(first: Entry, other: Entry) -> None:
    """Require that two entries have the same track and the same pictures."""
    for name in ("track_sha256", "pictures"):
        if getattr(first, name) != getattr(other, name):
            raise StoreError(
                f"the entries of {first.codec} and {other.codec} on {first.track} differ in"
                f" '{name}' and cannot stand on one board; remove the older entry"
            )


def _suite(members: Sequence[Published], parts: Sequence[Run]) -> dict[str, object]:
    """Return the suite of a track with the codecs of all entries; others are only sources."""
    points = _codecs(members, parts)
    listed = {label for one in members for label in one.entry.codecs}
    references = set().union(*(setting(part).references for part in parts))
    scored = [label for label in points if label in listed - references]
    fixed = {key: value for key, value in members[0].entry.suite.items() if key != "score"}
    codecs = [[asdict(choice)] for choice in points.values()]
    score = {} if set(points) <= listed | references else {"score": scored}
    return {**fixed, "plugins": [], "codecs": codecs, **score}


def _codecs(members: Sequence[Published], parts: Sequence[Run]) -> dict[str, ComponentSpec]:
    """Return every operating point once, by label."""
    points: dict[str, tuple[ComponentSpec, str]] = {}
    for one, part in zip(members, parts, strict=True):
        for label, choice in setting(part).choices.items():
            point, owner = points.setdefault(label, (choice, one.entry.codec))
            if point != choice:
                raise StoreError(
                    f"the entries of {owner} and {one.entry.codec} have different operating points"
                    f" with the label '{label}'; give one of them another label"
                )
    return {label: choice for label, (choice, _) in points.items()}


def _joined(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return one table; where values differ, all of them joined by `or`."""
    values: dict[str, dict[str, None]] = defaultdict(dict)
    for table in tables:
        for name, value in table.items():
            values[name][value] = None
    return {name: " or ".join(texts) for name, texts in values.items()}


def _union(labels: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(labels)))


def _ordered(measures: Mapping[str, MeasureRecord], manifest: Manifest) -> Iterator[MeasureRecord]:
    """Yield records in the order of the pictures, whichever entry they come from."""
    place = {name: index for index, name in enumerate(manifest.pictures)}
    yield from sorted(measures.values(), key=lambda one: place.get(one.picture, -1))
