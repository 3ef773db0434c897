"""Challenges: adversarial pictures that somebody made outside the harness for a published codec.

pictures --source picture, budgets--> searches --encoded, decoded, scored--> records

challenges/TRACK/CODEC/WHO/challenge.json   hashes, versions, machine, author and date
records.jsonl.gz                            every picture and every evaluation
pictures.zip                                the pictures as PNGs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel

from bench.budget import Budget
from bench.codec import Image
from bench.engine.runner import plan_digest, versions
from bench.errors import ConfigError
from bench.images.image_set import Picture, pixel_hash
from bench.images.png import encode_png
from bench.isolation.coder_pool import shared_pool
from bench.planning.jobs import CraftJob, Draw, Group, Plan
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.planning.planner import make_group
from bench.registry.registry import Component
from bench.scoring.measure import coder_spec, measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.pictures import picture_file
from bench.store.records import CraftRecord, MeasureRecord
from bench.store.run_folder import Run
from bench.tensors import to_tensor
from bench.utils.hashing import digest
from bench.utils.machine import describe_machine
from bench.verify.replan import ReplannedRun
from bench.verify.same_codec import check_clean_scores, codecs_here
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import EXTERNAL
from leaderboard.publish.archive import zipped
from leaderboard.publish.entry import (
    RECORDS,
    Entry,
    HashedFolder,
    packed,
    read_sealed,
    sealed,
    sha256,
    slug,
)
from leaderboard.publish.entry_folder import current, write_entry
from leaderboard.publish.submitted_pictures import source_of

CHALLENGES, CHALLENGE, PICTURES = "challenges", "challenge.json", "pictures.zip"


class Challenge(HashedFolder):
    """Scores of submitted adversarial pictures on one codec of one track.

    The versions, the machine and the fingerprints of the codecs are those of the author. They can
    differ from those of the codec's entry, see `bench.verify.same_codec`.
    """


@dataclass(frozen=True)
class _Submitted:
    """A submitted picture: the job that stands for its search, and its pixels."""

    job: CraftJob
    image: Image


def read_challenge(folder: Path) -> Challenge:
    """Read the challenge in a folder, without its other files.

    Raises:
        StoreError: the folder holds no challenge.
    """
    return read_sealed(folder / CHALLENGE, Challenge)


def challenge(
    entry: Entry, run: Run, again: ReplannedRun, pictures: Mapping[str, Image], board: Path, by: str
) -> Path:
    """Score submitted pictures and write the challenge; an older one of the author is replaced.

    Args:
        entry: the codec's entry.
        run: the records of the entry.
        again: the replanned run of the entry.
        pictures: pictures by name, named after their source pictures.
        board: the folder of the published board.
        by: author of the pictures.

    Returns:
        The challenge's folder.

    Raises:
        BenchError: a picture has no source picture in the track or is outside its budgets, or the
            codec differs from the published one by its weights or parameters, or by its scores
            of a source picture beyond the tolerances.
    """
    place = board / CHALLENGES / entry.track / entry.slug / slug(by)
    existing = current(place)
    if (existing / CHALLENGE).is_file() and (owner := read_challenge(existing).by) != by:
        raise ConfigError(
            f"{place} belongs to '{owner}', whose folder has the same name as that of '{by}';"
            " choose another --by"
        )
    references = setting(run).references
    codecs = codecs_here(entry.codecs, again, references)
    submitted = {one.job.key: one for one in _submitted(again, pictures, by)}
    planned = _plan(again, codecs, [one.job for one in submitted.values()])
    images = {key: one.image for key, one in submitted.items()}
    measured = list(_measured(again, planned, images))
    check_clean_scores(run, measured, references)
    records: list[CraftRecord | MeasureRecord] = [_record(one) for one in submitted.values()]
    records += measured
    pngs = {picture_file(key): encode_png(image) for key, image in images.items()}
    files = {RECORDS: packed(records), PICTURES: zipped(pngs)}
    written = _challenge(entry, again, planned, by).model_copy(
        update={
            "files": {name: sha256(content) for name, content in files.items()},
            "archive": {name: sha256(content) for name, content in pngs.items()},
            "codecs": codecs,
        }
    )
    write_entry(place, {**files, CHALLENGE: sealed(written)})
    return place


def replanned(again: ReplannedRun, run: Run, by: str) -> ReplannedRun:
    """Return the plan of a challenge, from the records of its pictures.

    Args:
        again: the replanned run of the codec.
        run: the challenge's records; those without a picture or budget of the track give no job.
        by: author of the pictures.
    """
    pictures = {picture.name: picture for picture in again.pictures}
    budgets = {str(spec.budget()): spec.budget() for spec in again.suite.budgets}
    jobs = [
        _job(by, pictures[craft.picture], craft.sha256, budgets[craft.budget])
        for craft in run.crafts.values()
        if craft.picture in pictures and craft.budget in budgets
    ]
    return replace(again, plan=_plan(again, run.manifest.codecs, jobs))


def _submitted(again: ReplannedRun, pictures: Mapping[str, Image], by: str) -> Iterator[_Submitted]:
    sources = {picture.name: picture for picture in again.pictures}
    for name, image in pictures.items():
        source = sources[source_of(name, sources)]
        for budget in _budgets(again, name, image, source):
            yield _Submitted(_job(by, source, pixel_hash(image), budget), image)


def _budgets(again: ReplannedRun, name: str, image: Image, source: Picture) -> list[Budget]:
    """Return the budgets of the track that a picture lies inside."""
    if image.shape != source.pixels.shape:
        raise ConfigError(
            f"'{name}' has the shape {image.shape}, but '{source.name}' has {source.pixels.shape}"
            " as the track crops it"
        )
    attacked, clean = ((to_tensor(one) * 255).round() for one in (image, source.pixels))
    budgets = [spec.budget() for spec in again.suite.budgets]
    satisfied = [budget for budget in budgets if budget.holds(attacked, clean)[0]]
    if not satisfied:
        sizes = (f"{float(b.size(attacked / 255, clean / 255)[0]):.4g} {b.unit}" for b in budgets)
        raise ConfigError(
            f"'{name}' is {', '.join(dict.fromkeys(sizes))} from '{source.name}' or changes pixels"
            f" outside the region; the track's budget is {' or '.join(map(str, budgets))}"
        )
    return satisfied


class _NoParameters(BaseModel):
    """The parameters of a submitted picture, which was found outside the harness."""


def _job(by: str, picture: Picture, sha256: str, budget: Budget) -> CraftJob:
    """Return the job that stands for the search of a picture, identified by its hash."""
    identity = {"by": by, "picture": picture.sha256, "made": sha256, "budget": budget.identity}
    search = PlannedAttack(
        Component(EXTERNAL, label=f"pictures of {by}", kind="attack", values=_NoParameters()),
        "nothing",
        (budget.kind,),
        version=1,
        evaluations=0,
    )
    return CraftJob(
        digest(identity)[:24], (), picture, search, None, budget, seed=0, start=0, draws=1
    )


def _plan(again: ReplannedRun, codecs: Mapping[str, str], jobs: Sequence[CraftJob]) -> Plan:
    """Return the jobs with their evaluations, and those of their source pictures.

    Args:
        again: the replanned run of the entry.
        codecs: fingerprints of the codecs that are scored, by label.
        jobs: the jobs.
    """
    points = {cell.victim.label: cell.victim for cell in again.plan.groups[0].cells}
    victims = [
        replace(point, fingerprint=codecs[label])
        for label, point in points.items()
        if label in codecs
    ]
    groups: list[Group] = []
    for picture in again.pictures:
        own = [job for job in jobs if job.picture == picture]
        if own:
            groups.append(make_group(again.suite, None, picture, victims, again.terms))
            groups.extend(_attacked(again, job, victims) for job in own)
    return Plan(tuple(groups))


def _attacked(again: ReplannedRun, job: CraftJob, victims: Sequence[OperatingPoint]) -> Group:
    planned = make_group(again.suite, job, job.picture, victims, again.terms)
    return Group(job, tuple(replace(cell, threat=EXTERNAL) for cell in planned.cells))


def _record(one: _Submitted) -> CraftRecord:
    job = one.job
    return CraftRecord(
        key=job.key,
        status="ok",
        sources=(),
        picture=job.picture.name,
        picture_sha256=job.picture.sha256,
        attack=str(job.search.choice),
        objective=None,
        budget=str(job.budget),
        seed=job.seed,
        sha256=pixel_hash(one.image),
    )


def _measured(
    again: ReplannedRun, planned: Plan, images: Mapping[str, Image]
) -> Iterator[MeasureRecord]:
    """Yield the scores of all evaluations; the codecs decode in a process that sees no picture."""
    clean: dict[tuple[str, str, Draw | None], RoundTrip | CodingFailure] = {}
    pool = shared_pool(again.suite.compute.threads)
    for cell in planned.cells:
        coder = pool.coder(coder_spec(cell, cell.victim.fingerprint))
        place = (cell.picture.name, cell.victim.label, cell.draw)
        if place not in clean:
            clean[place] = encode_decode(coder, cell.picture.pixels)
        attacked = None if cell.craft is None else images[cell.craft.key]
        yield measure(cell, coder, clean[place], attacked, again.terms, coder)


def _challenge(entry: Entry, again: ReplannedRun, planned: Plan, by: str) -> Challenge:
    """Return the challenge without its files."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    shared = entry.model_dump(include=set(HashedFolder.model_fields))
    own = {
        "by": by,
        "published": now,
        "started": now,
        "versions": versions(again.suite),
        "machine": describe_machine(),
        "plan_sha256": plan_digest(planned),
        "cells": len(planned.cells),
        "files": {},
        "archive": {},
    }
    return Challenge.model_validate(shared | own)
