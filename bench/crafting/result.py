"""The result of a search, and the part of its record that follows from its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.store.records import CraftRecord

if TYPE_CHECKING:
    from bench.codec import Image
    from bench.planning.jobs import CraftJob


@dataclass(frozen=True)
class CraftResult:
    """The outcome of one search.

    Attributes:
        image: the adversarial picture, uint8 (H, W, 3); None if there is none.
        record: its record.
    """

    image: Image | None
    record: CraftRecord


def search_identity(job: CraftJob) -> dict[str, Any]:
    """Return the fields of a search's record that follow from its job alone."""
    return {
        "key": job.key,
        "sources": tuple(point.label for point in job.sources),
        "picture": job.picture.name,
        "picture_sha256": job.picture.sha256,
        "attack": str(job.search.choice),
        "objective": None if job.objective is None else str(job.objective),
        "budget": str(job.budget),
        "seed": job.seed,
        "start": job.start,
        "queries_allowed": job.search.queries,
    }
