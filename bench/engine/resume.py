"""Resuming: the jobs that a run folder lacks, and the storing of their results.

    Group --remaining_work--> WorkItem --JobRunner--> JobEvent --commit--> on disk, then shown

Only the process that has the run folder open commits; workers do not use the folder.
"""

from __future__ import annotations

from typing import TypeAlias

from bench.codec import Image
from bench.crafting.result import CraftResult
from bench.engine.job_runner import WorkItem
from bench.errors import StoreError
from bench.planning.jobs import CraftJob, Group, MeasureJob
from bench.registry.component_spec import AT_SOURCE
from bench.store.pictures import picture_file
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.run_folder import Store

Event: TypeAlias = CraftJob | MeasureJob | CraftRecord | MeasureRecord | WorkerRecord
"""A job that starts now, or a record that is on disk now."""


def is_pending(group: Group, store: Store) -> bool:
    """Return whether a run folder lacks a record of a group."""
    searched = group.craft is None or group.craft.key in store.crafts
    return not searched or any(cell.key not in store.measured for cell in group.cells)


def remaining_work(group: Group, store: Store) -> WorkItem:
    """Return the jobs of a group without a record; a picture that is lost is searched again."""
    cells = tuple(cell for cell in group.cells if cell.key not in store.measured)
    if group.craft is None:
        return WorkItem((), None, cells)
    record = store.crafts.get(group.craft.key)
    if record is None:
        return _search(group, cells, store)
    if record.status != "ok":
        return WorkItem((), record, cells)
    image = store.load_picture(group.craft.key)
    return _search(group, cells, store) if image is None else WorkItem((), image, cells)


def is_ready(group: Group, store: Store) -> bool:
    """Return whether the pictures that the searches of a group start from are known."""
    return all(key in store.crafts for key in group.parents)


def _search(group: Group, cells: tuple[MeasureJob, ...], store: Store) -> WorkItem:
    starts = tuple(_start(job, store) for job in group.searches)
    return WorkItem(group.searches, None, cells, starts)


def _start(job: CraftJob, store: Store) -> Image | None:
    """Return the picture that a search starts from; None if the other searches found none."""
    if job.search.choice.start_from == AT_SOURCE:
        return job.picture.pixels
    records = [store.crafts[parent.key] for parent in job.parents]
    found = [record for record in records if record.status == "ok" and record.values]
    if not found:
        return None
    key = max(found, key=lambda record: record.values[-1]).key
    image = store.load_picture(key)
    if image is None:
        raise StoreError(
            f"{picture_file(key)} was lost or altered, and another search starts from it; start a"
            " new folder with --out"
        )
    return image


def commit(
    event: CraftJob | MeasureJob | CraftResult | MeasureRecord, store: Store
) -> Event | None:
    """Write a result to disk; return the event to report, None if its record existed before.

    Raises:
        StoreError: it cannot be written, or a search that was repeated found another picture.
    """
    if isinstance(event, CraftResult):
        return _commit_search(event, store)
    if isinstance(event, MeasureRecord):
        if event.key in store.measured:
            return None
        store.append(event)
    return event


def _commit_search(crafted: CraftResult, store: Store) -> CraftRecord | None:
    key, existing = crafted.record.key, store.crafts.get(crafted.record.key)
    if existing is not None and crafted.record.sha256 != existing.sha256:
        raise StoreError(
            f"{picture_file(key)} was lost or altered, and searching again found another"
            " picture than the one that was scored; start a new folder with --out"
        )
    if crafted.image is not None:
        store.save_picture(key, crafted.image)
    if existing is not None:
        return None
    store.append(crafted.record)
    return crafted.record
