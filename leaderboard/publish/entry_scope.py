"""Which part of a run belongs to one codec's entry. Publishing and auditing use the same rule.

Plan --its evaluations, the lossless reference on its pictures, sources that count--> Plan

The bare codec of a defended codec counts as a source. Pictures made against it are defence-unaware
attacks, which show whether the defence only hides the gradient from the attack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.planning.jobs import Group, Plan
from bench.planning.operating_point import OperatingPoint
from bench.registry.absolute_paths import absolute_paths
from bench.registry.component_spec import ComponentSpec
from bench.store.run_folder import Run
from bench.store.timings import Timings
from bench.suite.suite import Suite
from bench.utils.hashing import digest
from bench.verify.replan import ReplannedRun
from leaderboard.aggregate.cases import measurements
from leaderboard.aggregate.suite_info import setting
from leaderboard.publish.tracks import Track


@dataclass(frozen=True)
class EntryScope:
    """The evaluations that an entry contains.

    Attributes:
        members: labels of the codec's operating points.
        references: labels of the lossless references.
        sources: the track's sources by label. Adversarial pictures found on them count too, and
            those found on the bare codecs of the members.
    """

    members: AbstractSet[str]
    references: AbstractSet[str]
    sources: Mapping[str, ComponentSpec]

    def of(self, whole: Plan) -> Plan:
        """Return the part of a plan that belongs to the entry."""
        parts = (self._part(group) for group in whole.groups if self._counts(group))
        return Plan(tuple(group for group in parts if group.cells))

    def _counts(self, group: Group) -> bool:
        """Return whether all sources of a picture count and a member is scored on it."""
        if group.craft is None:
            return True
        own = [cell.victim for cell in group.cells if cell.victim.label in self.members]
        return bool(own) and all(self._is_source(point, own) for point in group.craft.sources)

    def _is_source(self, point: OperatingPoint, members: Sequence[OperatingPoint]) -> bool:
        """Return whether pictures found on an operating point count for the members."""
        is_known = point.label in self.members | self.sources.keys()
        return is_known or any(member.is_defended_version_of(point) for member in members)

    def _part(self, group: Group) -> Group:
        victims = self.members | self.references
        cells = tuple(cell for cell in group.cells if cell.victim.label in victims)
        return replace(group, cells=cells, mates=())


def entry_scope(run: Run, again: ReplannedRun, scope: EntryScope) -> Run:
    """Return the run of one codec: its evaluations, and the lossless reference on its pictures."""
    own = scope.of(again.plan)
    keys = {cell.key for cell in own.cells}
    measures = [record for record in measurements(run) if record.key in keys]
    searched = {job.key for job in own.crafts}
    victims = {record.victim for record in measures}
    sources = {point.label for job in own.crafts for point in job.sources}
    suite = _suite_of(run, victims | sources, scope)
    changes = {
        "suite": suite,
        "suite_sha256": digest(suite),
        "plan_sha256": plan_sha256(own),
        "cells": len(measures),
        "codecs": {k: v for k, v in run.manifest.codecs.items() if k in victims},
    }
    crafts = {key: craft for key, craft in run.crafts.items() if key in searched}
    manifest = run.manifest.model_copy(update=changes)
    return Run(run.folder, manifest, crafts, measures, _timings_of(run, victims))


def _timings_of(run: Run, labels: AbstractSet[str]) -> Timings | None:
    """Return the timings of some operating points; None if the run has none."""
    if not run.timings:
        return None
    return {label: timing for label, timing in run.timings.items() if label in labels}


def plan_sha256(plan: Plan) -> str:
    """Return the hash of what a plan does, in any order."""
    crafts = sorted(job.key for job in plan.crafts)
    cells = sorted([cell.key, cell.victim.label, cell.threat] for cell in plan.cells)
    return digest([crafts, cells])


def mislabelled(again: ReplannedRun, track: Track) -> Iterator[str]:
    """Yield a sentence for each operating point that differs from the track's of the same label."""
    for label, choice in again.points.items():
        if track.codecs.get(label, choice) != choice:
            yield (
                f"'{label}' is an operating point of the track {track.name}, but a different one in"
                " this run; give yours another label"
            )


def unfit(again: ReplannedRun, track: Track, members: AbstractSet[str]) -> Iterator[str]:
    """Yield why the operating points of a codec cannot be an entry of a track."""
    yield from _missing_sources(again, track, members)
    yield from _hidden_gradients(again, members)
    yield from _absolute_paths(again, members)


def _missing_sources(again: ReplannedRun, track: Track, members: AbstractSet[str]) -> Iterator[str]:
    """Yield a sentence if members need transfer attacks from codecs that the suite lacks."""
    points = [cell.victim for cell in again.plan.groups[0].cells if cell.victim.label in members]
    missing = track.sources.keys() - again.points.keys()
    if missing and any(_needs_transfer(again.suite, point) for point in points):
        yield (
            f"{', '.join(sorted(members))}: scored on adversarial pictures found on the codecs of"
            f" the track {track.name}, but the suite lacks {', '.join(sorted(missing))}; run a"
            " suite that has all of them too"
        )


def _absolute_paths(again: ReplannedRun, members: AbstractSet[str]) -> Iterator[str]:
    """Yield a sentence for each parameter of a member that is an absolute path."""
    for label in sorted(members & again.points.keys()):
        for key, path in absolute_paths(again.points[label]):
            yield (
                f"'{label}' has {key}={path}, a path of one machine; run the track in the folder of"
                f" that file, with {key}={Path(path).name}"
            )


def _hidden_gradients(again: ReplannedRun, members: AbstractSet[str]) -> Iterator[str]:
    """Yield a sentence for each member of which only one offers gradients: it or its bare codec.

    A defence must keep the gradients (see `bench.defence`). Otherwise its codec would be attacked
    by transfer only, or no gradient attack would be made against its bare codec.
    """
    points = [cell.victim for cell in again.plan.groups[0].cells]
    for point in (point for point in points if point.label in members):
        for bare in filter(point.is_defended_version_of, points):
            if point.differentiable != bare.differentiable:
                has, lacks = (point, bare) if point.differentiable else (bare, point)
                yield (
                    f"'{has.label}' offers gradients, but '{lacks.label}' offers none; a defended"
                    " codec must offer gradients if its bare codec does, and only then"
                )


def _needs_transfer(suite: Suite, point: OperatingPoint) -> bool:
    """Return whether an operating point is scored on pictures found on other codecs."""
    modes = {choice.transfer or suite.transfer for choice in suite.all_attacks}
    return "all" in modes or ("gradient-free" in modes and not point.differentiable)


def _suite_of(run: Run, labels: AbstractSet[str], scope: EntryScope) -> dict[str, Any]:
    """Return the suite with the given codecs and the sources, without the folder of pictures."""
    suite, stored = setting(run), run.manifest.suite
    needed = labels | scope.sources.keys()
    codecs = [[asdict(choice)] for label, choice in suite.choices.items() if label in needed]
    scored = [label for label in suite.score if label in scope.members]
    changes = {"codecs": codecs, "images": {**stored["images"], "folder": None}}
    return {**stored, **changes, **({"score": scored} if suite.score else {})}
