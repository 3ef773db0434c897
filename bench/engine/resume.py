"""Between a run folder and the work: what the folder lacks of a group, and what is put into it.

    Group --left--> Task --workshop, anywhere--> Made --keep--> on disk, then shown

Only the process that holds the run folder keeps; whatever works elsewhere knows no folder.
"""

from __future__ import annotations

from typing import TypeAlias

from bench.crafting.craft import CraftResult
from bench.engine.job_runner import JobEvent, WorkItem
from bench.errors import StoreError
from bench.images.image_set import pixel_hash
from bench.planning.jobs import CraftJob, Group, MeasureJob
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.run_folder import Store

Event: TypeAlias = CraftJob | MeasureJob | CraftRecord | MeasureRecord | WorkerRecord
"""A job that starts now, or a record that is on disk now."""


def is_pending(group: Group, store: Store) -> bool:
    """Tell whether a run folder lacks something of a group."""
    searched = group.craft is None or group.craft.key in store.crafts
    return not searched or any(cell.key not in store.measured for cell in group.cells)


def remaining_work(group: Group, store: Store) -> WorkItem:
    """Return what a run folder lacks of a group; a picture that is lost is searched again."""
    cells = tuple(cell for cell in group.cells if cell.key not in store.measured)
    if group.craft is None:
        return WorkItem((), None, cells)
    done = store.crafts.get(group.craft.key)
    if done is None:
        return WorkItem(group.searches, None, cells)
    if done.status != "ok":
        return WorkItem((), done, cells)
    image = store.load_picture(group.craft.key)
    if image is None or pixel_hash(image) != done.sha256:
        return WorkItem(group.searches, None, cells)
    return WorkItem((), image, cells)


def commit(made: JobEvent, store: Store) -> Event | None:
    """Put what was made on disk; return what is new and to be shown, if anything is."""
    if isinstance(made, CraftResult):
        return _keep_crafted(made, store)
    if isinstance(made, MeasureRecord):
        if made.key in store.measured:
            return None
        store.append(made)
    return made


def _keep_crafted(crafted: CraftResult, store: Store) -> CraftRecord | None:
    key, done = crafted.record.key, store.crafts.get(crafted.record.key)
    if done is not None and crafted.record.sha256 != done.sha256:
        raise StoreError(
            f"adversarial/{key}.png was lost or altered, and searching again found another"
            " picture than the one that was scored; start a new folder with --out"
        )
    if crafted.image is not None:
        store.save_picture(key, crafted.image)
    if done is not None:
        return None
    store.append(crafted.record)
    return crafted.record
