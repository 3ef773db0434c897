"""Resuming: the jobs that a run folder lacks, and the storing of their results.

    Group --remaining_work--> WorkItem --JobRunner--> JobEvent --commit--> on disk, then shown

Only the process that has the run folder open commits; workers do not use the folder.
"""

from __future__ import annotations

from typing import TypeAlias

from bench.crafting.result import CraftResult
from bench.engine.job_runner import WorkItem
from bench.errors import StoreError
from bench.images.image_set import pixel_hash
from bench.planning.jobs import CraftJob, Group, MeasureJob
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
        return WorkItem(group.searches, None, cells)
    if record.status != "ok":
        return WorkItem((), record, cells)
    image = store.load_picture(group.craft.key)
    if image is None or pixel_hash(image) != record.sha256:
        return WorkItem(group.searches, None, cells)
    return WorkItem((), image, cells)


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
            f"adversarial/{key}.png was lost or altered, and searching again found another"
            " picture than the one that was scored; start a new folder with --out"
        )
    if crafted.image is not None:
        store.save_picture(key, crafted.image)
    if existing is not None:
        return None
    store.append(crafted.record)
    return crafted.record
