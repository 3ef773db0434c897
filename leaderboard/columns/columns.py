"""The columns of the board: the one list that every renderer and every export uses.

To add one: a line here, or in the group of figures it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS, meaning
from leaderboard.columns.column import AnyColumn, Column, of_attack
from leaderboard.columns.metric_columns import (
    APART,
    BEYOND,
    CLEAN,
    COST,
    DROP,
    NOISE,
    RATE,
    WORST,
    of_gauge,
)
from leaderboard.formatting import share

RUN = Column("run", lambda row: row.place.run, str, "the suite the row is of", terminal=True)
"""Shown where several runs stand on one board."""


def _label(row: Row) -> str:
    """Return an operating point with what must be known of it at once."""
    marks = ["reference"] * row.reference
    if row.place.subsampled and "4:2:0" not in row.place.codec:
        marks.append("4:2:0")
    return f"{row.place.codec} ({', '.join(marks)})" if marks else row.place.codec


CODEC = Column(
    "codec",
    _label,
    str,
    "the operating point: a codec with its parameters; a reference is lossless and shows what"
    " the attacked pictures are like where no codec harms them; 4:2:0 keeps colour at half the"
    " size",
    terminal=True,
)

HEADLINES = (DROP, BEYOND, RATE, COST)
"""Those by which the page says in words who lost most."""


_FIGURES: tuple[AnyColumn, ...] = (
    RUN,
    CODEC,
    Column(
        "threat",
        lambda row: row.place.threat,
        str,
        "how it was attacked; white-box: through its own gradients, and with all else it was given;"
        f" {'; '.join(f'{kind}: {meaning(kind)}' for kind in WITHOUT_GRADIENTS)}; noise only: by no"
        " attack",
    ),
    Column(
        "pictures",
        lambda row: (row.pictures, row.place.asked),
        share,
        "over how many the figures are means, of all; the others lack a score they would need",
    ),
    *CLEAN,
    *WORST,
    *NOISE,
    *APART,
)

_REST: tuple[AnyColumn, ...] = (
    Column(
        "failed",
        lambda row: (row.losses.failed, row.losses.cells),
        share,
        "attacked or noisy pictures that the codec could not code or decode, of those it was due;"
        " they count in the means as 24 bpp and 5.99 dB, mid-grey at its furthest from any picture,"
        " or as the unattacked picture where that is worse",
        "lower",
        terminal=True,
    ),
    Column(
        "unsupported",
        lambda row: (row.losses.unsupported, row.losses.cells),
        share,
        "attacked or noisy pictures outside what the codec or the search offers; not in the means",
    ),
    Column(
        "clean lost",
        lambda row: (row.losses.clean, row.place.asked),
        share,
        "source pictures that do not come back even unattacked; not in the means",
    ),
    Column(
        "PSNR by",
        of_attack(lambda d: d.psnr_by),
        str,
        "attack, objective and (transfer) attacked codec that found most of the worst PSNRs",
    ),
    Column("rate by", of_attack(lambda d: d.rate_by), str, "likewise for the rate"),
    Column(
        "flags",
        lambda row: "; ".join(map(str, row.flags)) or None,
        str,
        "what to know before believing the row; see Flags",
        terminal=True,
    ),
)

COLUMNS = (*_FIGURES, *_REST)
"""Every column that every board has, in the order in which it is shown."""


def asked(rows: Sequence[Row]) -> tuple[AnyColumn, ...]:
    """Return the columns of the metrics that the suites of some rows name."""
    parts = (part for row in rows for part in (row.clean, row.attack) if part is not None)
    found = dict.fromkeys(gauge for part in parts for gauge in part.extra)
    return tuple(chain.from_iterable(map(of_gauge, found)))


def columns(rows: Sequence[Row]) -> tuple[AnyColumn, ...]:
    """Return every column that some rows have, in the order in which it is shown."""
    return (*_FIGURES, *asked(rows), *_REST)
