"""What of a run belongs to one codec's entry: by the same rule when it is published and doubted.

Plan --its cells, the lossless codec's on its pictures, pictures against codecs that count--> Plan
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.planning.jobs import Group, Plan
from bench.planning.operating_point import OperatingPoint
from bench.registry.registry import ComponentSpec
from bench.store.run_folder import Run
from bench.suite.suite import Suite
from bench.utils.hashing import digest
from bench.verify.replan import ReplannedRun
from leaderboard.aggregate.cases import measurements
from leaderboard.aggregate.suite_info import setting
from leaderboard.publish.tracks import Track


@dataclass(frozen=True)
class EntryScope:
    """Whose cells an entry has.

    Attributes:
        members: labels of the codec's operating points.
        references: labels of the lossless ones.
        track: codecs against which pictures count besides its own, by label.
    """

    members: AbstractSet[str]
    references: AbstractSet[str]
    track: Mapping[str, ComponentSpec]

    def of(self, whole: Plan) -> Plan:
        """Return the part of a plan that is its own."""
        cut = (self._cut(group) for group in whole.groups if self._counts(group))
        return Plan(tuple(group for group in cut if group.cells))

    def _counts(self, group: Group) -> bool:
        """Tell whether a picture was made against codecs that count, and a member is scored."""
        if group.craft is None:
            return True
        made_on = {point.label for point in group.craft.sources}
        scored = {cell.victim.label for cell in group.cells}
        return made_on <= self.members | self.track.keys() and bool(scored & self.members)

    def _cut(self, group: Group) -> Group:
        shown = self.members | self.references
        cells = tuple(cell for cell in group.cells if cell.victim.label in shown)
        return replace(group, cells=cells, mates=())


def entry_scope(run: Run, again: ReplannedRun, share: EntryScope) -> Run:
    """Return a run of one codec: its cells, and those of the lossless one on its pictures."""
    own = share.of(again.plan)
    keys = {cell.key for cell in own.cells}
    kept = [record for record in measurements(run) if record.key in keys]
    searched = {job.key for job in own.crafts}
    shown = {record.victim for record in kept}
    suite = _suite_of(run, shown | {p.label for job in own.crafts for p in job.sources}, share)
    told = {
        "suite": suite,
        "suite_sha256": digest(suite),
        "plan_sha256": plan_sha256(own),
        "cells": len(kept),
        "codecs": {k: v for k, v in run.manifest.codecs.items() if k in shown},
    }
    crafts = {key: craft for key, craft in run.crafts.items() if key in searched}
    return Run(run.folder, run.manifest.model_copy(update=told), crafts, kept)


def plan_sha256(planned: Plan) -> str:
    """Return the hash of what a plan does, in whatever order."""
    crafts = sorted(job.key for job in planned.crafts)
    cells = sorted([cell.key, cell.victim.label, cell.threat] for cell in planned.cells)
    return digest([crafts, cells])


def mislabelled(again: ReplannedRun, track: Track) -> Iterator[str]:
    """Yield which operating points are called like the track's and are others, in one sentence."""
    for label, choice in again.points.items():
        if track.codecs.get(label, choice) != choice:
            yield (
                f"'{label}' is an operating point of the track {track.name}, and another one here;"
                " give yours another label"
            )


def ungiven(again: ReplannedRun, track: Track, members: AbstractSet[str]) -> Iterator[str]:
    """Yield, in one sentence, which codecs are lacking whose pictures members must be given."""
    points = [cell.victim for cell in again.plan.groups[0].cells if cell.victim.label in members]
    missing = track.codecs.keys() - again.points.keys()
    if missing and any(_is_given(again.suite, point) for point in points):
        yield (
            f"{', '.join(sorted(members))}: attacked with pictures made against the codecs of the"
            f" track {track.name}, of which the suite lacks {', '.join(sorted(missing))}; run a"
            " suite that has them all besides"
        )


def _is_given(suite: Suite, point: OperatingPoint) -> bool:
    """Tell whether a codec is given pictures that were made against others."""
    told = {choice.transfer or suite.transfer for choice in suite.searches}
    return "all" in told or ("gradient-free" in told and not point.differentiable)


def _suite_of(run: Run, labels: AbstractSet[str], share: EntryScope) -> dict[str, Any]:
    """Return a suite with some of its codecs and the track's, not where its pictures lay."""
    told, kept = setting(run), run.manifest.suite
    wanted = labels | share.track.keys()
    chosen = [[asdict(choice)] for label, choice in told.choices.items() if label in wanted]
    return {**kept, "codecs": chosen, "images": {**kept["images"], "folder": None}}
