"""Adversarial pictures that somebody made, by whatever means, against a published codec.

pictures --whose, inside which budget--> searches --coded, scored by the harness--> records

challenges/TRACK/CODEC/WHO/challenge.json   hashes, versions, machine, who and when
records.jsonl.gz                            every picture and every cell
pictures.zip                                the pictures as PNGs
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel

from bench.budget import Budget
from bench.codec import Codec, Image
from bench.engine.job_runner import scored
from bench.engine.runner import plan_digest, versions
from bench.errors import ConfigError, StoreError
from bench.images.image_set import Picture, pixel_hash
from bench.images.png import png
from bench.planning.jobs import CraftJob, Draw, Group, Plan
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.planning.planner import group
from bench.planning.resolve import make_codec
from bench.registry.registry import Component
from bench.scoring.measure import measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord
from bench.store.run_folder import Run
from bench.tensors import to_tensor
from bench.utils.hashing import digest
from bench.utils.machine import machine
from bench.verify.replan import ReplannedRun
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
    write_entry,
)
from leaderboard.publish.submitted_pictures import source_of

CHALLENGES, CHALLENGE, PICTURES = "challenges", "challenge.json", "pictures.zip"


class Challenge(HashedFolder):
    """What somebody's pictures did to one codec on one track."""


@dataclass(frozen=True)
class _Made:
    """A picture, the job it is the outcome of, and its pixels."""

    job: CraftJob
    image: Image


def read_challenge(folder: Path) -> Challenge:
    """Read the challenge in a folder; its other files are not looked at.

    Raises:
        StoreError: it is none.
    """
    return read_sealed(folder / CHALLENGE, Challenge)


def challenge(
    entry: Entry, again: ReplannedRun, pictures: Mapping[str, Image], board: Path, by: str
) -> Path:
    """Score somebody's pictures and write them, in the place of what they had there before.

    Args:
        entry: of the codec.
        again: what its run must have done.
        pictures: by name, called after their sources.
        board: the folder of the published board.
        by: who made them.

    Returns:
        The challenge's folder.

    Raises:
        BenchError: a picture is called after none of the track's or is outside its budgets, or the
            codec is not the published one here.
    """
    place = board / CHALLENGES / entry.track / entry.slug / slug(by)
    if (place / CHALLENGE).is_file() and (owner := read_challenge(place).by) != by:
        raise ConfigError(f"{place} is of '{owner}', whose name is too much like '{by}'")
    codecs = _codecs(entry, again)
    made = {one.job.key: one for one in _made(again, pictures, by)}
    planned = _plan(again, codecs, [one.job for one in made.values()])
    images = {key: one.image for key, one in made.items()}
    records: list[CraftRecord | MeasureRecord] = [_record(one) for one in made.values()]
    records += _measured(again, planned, images, codecs)
    pngs = {f"adversarial/{key}.png": png(image) for key, image in images.items()}
    files = {RECORDS: packed(records), PICTURES: zipped(pngs)}
    written = _challenge(entry, again, planned, by).model_copy(
        update={
            "files": {name: sha256(content) for name, content in files.items()},
            "archive": {name: sha256(content) for name, content in pngs.items()},
        }
    )
    write_entry(place, {**files, CHALLENGE: sealed(written)})
    return place


def replanned(again: ReplannedRun, run: Run, by: str) -> ReplannedRun:
    """Return what scoring somebody's pictures must have done, by the records of the pictures.

    Args:
        again: what the codec's run must have done.
        run: the challenge's records; those of no picture or budget of the track give no job.
        by: who made the pictures.
    """
    pictures = {picture.name: picture for picture in again.pictures}
    budgets = {str(spec.budget()): spec.budget() for spec in again.suite.budgets}
    jobs = [
        _job(by, pictures[one.picture], one.sha256, budgets[one.budget])
        for one in run.crafts.values()
        if one.picture in pictures and one.budget in budgets
    ]
    return replace(again, plan=_plan(again, run.manifest.codecs, jobs))


def _codecs(entry: Entry, again: ReplannedRun) -> dict[str, Codec]:
    """Return the codec's operating points and the lossless one, as they were published."""
    made = {label: make_codec(again.points[label]) for label in entry.codecs}
    for label, codec in made.items():
        if codec.fingerprint() != entry.codecs[label]:
            raise StoreError(
                f"{label} is '{codec.fingerprint()}' here and '{entry.codecs[label]}' as it was"
                " published; pictures are scored on what was published"
            )
    return made


def _made(again: ReplannedRun, pictures: Mapping[str, Image], by: str) -> Iterator[_Made]:
    sources = {picture.name: picture for picture in again.pictures}
    for name, image in pictures.items():
        source = sources[source_of(name, sources)]
        for budget in _budgets(again, name, image, source):
            yield _Made(_job(by, source, pixel_hash(image), budget), image)


def _budgets(again: ReplannedRun, name: str, image: Image, source: Picture) -> list[Budget]:
    """Return the budgets of the track that a picture keeps."""
    if image.shape != source.pixels.shape:
        raise ConfigError(
            f"'{name}' has the shape {image.shape}, '{source.name}' as the track crops it"
            f" {source.pixels.shape}"
        )
    attacked, clean = ((to_tensor(one) * 255).round() for one in (image, source.pixels))
    budgets = [spec.budget() for spec in again.suite.budgets]
    kept = [budget for budget in budgets if budget.holds(attacked, clean)[0]]
    if not kept:
        sizes = (f"{float(b.size(attacked / 255, clean / 255)[0]):.4g} {b.unit}" for b in budgets)
        raise ConfigError(
            f"'{name}' is {', '.join(dict.fromkeys(sizes))} from '{source.name}' or outside its"
            f" region; the track's budget is {' or '.join(map(str, budgets))}"
        )
    return kept


class _NoParameters(BaseModel):
    """Of pictures that come from outside."""


def _job(by: str, picture: Picture, made: str, budget: Budget) -> CraftJob:
    """Return the job that a picture, by its hash, is the outcome of."""
    told = {"by": by, "picture": picture.sha256, "made": made, "budget": budget.identity}
    search = PlannedAttack(
        Component(EXTERNAL, label=f"pictures of {by}", kind="attack", values=_NoParameters()),
        "nothing",
        (budget.kind,),
        version=1,
        evaluations=0,
    )
    return CraftJob(digest(told)[:24], (), picture, search, None, budget, seed=0, draws=1)


def _plan(again: ReplannedRun, labels: Collection[str], jobs: Sequence[CraftJob]) -> Plan:
    """Return the jobs with their cells, and the cells of their source pictures."""
    points = {cell.victim.label: cell.victim for cell in again.plan.groups[0].cells}
    victims = [point for label, point in points.items() if label in labels]
    groups: list[Group] = []
    for picture in again.pictures:
        here = [job for job in jobs if job.picture == picture]
        if here:
            groups.append(group(again.suite, None, picture, victims, again.terms))
            groups.extend(_attacked(again, job, victims) for job in here)
    return Plan(tuple(groups))


def _attacked(again: ReplannedRun, job: CraftJob, victims: Sequence[OperatingPoint]) -> Group:
    made = group(again.suite, job, job.picture, victims, again.terms)
    return Group(job, tuple(replace(cell, threat=EXTERNAL) for cell in made.cells))


def _record(one: _Made) -> CraftRecord:
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
    again: ReplannedRun, planned: Plan, images: Mapping[str, Image], codecs: Mapping[str, Codec]
) -> Iterator[MeasureRecord]:
    """Yield the scores of all cells."""
    clean: dict[tuple[str, str, Draw | None], RoundTrip | CodingFailure] = {}
    for cell in planned.cells:
        codec = scored(codecs[cell.victim.label], cell.draw)
        place = (cell.picture.name, cell.victim.label, cell.draw)
        if place not in clean:
            clean[place] = encode_decode(codec, cell.picture.pixels)
        attacked = None if cell.craft is None else images[cell.craft.key]
        yield measure(cell, codec, clean[place], attacked, again.terms)


def _challenge(entry: Entry, again: ReplannedRun, planned: Plan, by: str) -> Challenge:
    """Return what is said of somebody's pictures, but for its files."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    kept = entry.model_dump(include=set(HashedFolder.model_fields))
    told = {
        "by": by,
        "published": now,
        "started": now,
        "versions": versions(again.suite),
        "machine": machine(),
        "plan_sha256": plan_digest(planned),
        "cells": len(planned.cells),
        "files": {},
        "archive": {},
    }
    return Challenge.model_validate(kept | told)
