"""The columns of bitstream collisions; only of suites that search for them."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column
from leaderboard.formatting import decibel, share

_COLLISIONS: tuple[Column[Row], ...] = (
    Column(
        "collisions",
        "collisions",
        lambda row: (row.collisions.found, row.collisions.of) if row.collisions else None,
        share,
        "source pictures for which another picture inside the budget with exactly the same bytes"
        " was found, of all that were searched; these adversarial pictures count in no other"
        " column",
        "lower",
        is_main=True,
    ),
    Column(
        "collision_psnr_db",
        "collision PSNR dB",
        lambda row: row.collisions.psnr if row.collisions else None,
        decibel,
        "PSNR of the picture with the same bytes against the source picture, mean over the source"
        " pictures with a collision: the lower, the more the two differ",
        "higher",
        is_main=True,
    ),
)


def collision_columns(rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Return the columns of collisions if some rows have any searches for them."""
    return _COLLISIONS if any(row.collisions for row in rows) else ()
