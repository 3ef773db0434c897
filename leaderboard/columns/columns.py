"""The columns of a row: the one list that every renderer and every export uses.

To add a column, add a line here or in the group of figures it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS
from leaderboard.columns.clean_columns import CLEAN
from leaderboard.columns.collision_columns import collision_columns
from leaderboard.columns.column import Column, of_attack
from leaderboard.columns.smallest_columns import smallest_columns
from leaderboard.columns.suite_columns import suite_columns
from leaderboard.columns.terms import flag_text, threat_meaning, threat_text
from leaderboard.columns.threat_columns import BY_THREAT, NOISE
from leaderboard.columns.worst_columns import COST, DROP, EXCESS, RATE, WORST
from leaderboard.formatting import share

RowColumn: TypeAlias = Column[Row]

RUN: RowColumn = Column(
    "run", "run", lambda row: row.place.run, str, "the suite of the row", is_main=True, is_text=True
)
"""Shown where several runs stand on one board."""


def _label(row: Row, reference: str) -> str:
    """Return the operating point with its marks."""
    marks = [reference] * row.reference
    if row.place.subsampled and "4:2:0" not in row.place.codec:
        marks.append("4:2:0")
    return f"{row.place.codec} ({', '.join(marks)})" if marks else row.place.codec


CODEC: RowColumn = Column(
    "codec",
    "codec",
    lambda row: _label(row, "lossless reference"),
    str,
    "the operating point: a codec with its parameters; the lossless reference shows the"
    " perturbation without any coding error; 4:2:0 marks chroma subsampling",
    is_main=True,
    is_text=True,
    stored=lambda row: _label(row, "reference"),
)

HEADLINES: tuple[RowColumn, ...] = (DROP, EXCESS, RATE, COST)
"""Columns whose largest values the summary names."""


_FIGURES: tuple[RowColumn, ...] = (
    RUN,
    CODEC,
    Column(
        "threat",
        "threat",
        lambda row: threat_text(row.place.threat),
        str,
        "how the codec was attacked; white-box: through its own gradients and with all other"
        " attacks that were scored on it;"
        f" {'; '.join(f'{threat}: {threat_meaning(threat)}' for threat in WITHOUT_GRADIENTS)};"
        " noise only: not attacked",
        is_text=True,
        stored=lambda row: row.place.threat,
    ),
    Column(
        "pictures",
        "pictures",
        lambda row: (row.pictures, row.place.n_pictures),
        share,
        "number of pictures in the means, of all pictures; the others lack a score",
    ),
    *CLEAN,
    *WORST,
    *NOISE,
    *BY_THREAT,
)

_REST: tuple[RowColumn, ...] = (
    Column(
        "failed",
        "failed",
        lambda row: (row.losses.failed, row.losses.cells),
        share,
        "adversarial or noisy pictures that the codec could not encode or decode, of all that were"
        " to be scored; they count in the means as 24 bpp and 5.99 dB (mid-grey against black), or"
        " as the clean picture where that is worse",
        "lower",
        is_main=True,
    ),
    Column(
        "unsupported",
        "unsupported",
        lambda row: (row.losses.unsupported, row.losses.cells),
        share,
        "adversarial or noisy pictures that the codec or the search does not support; not in the"
        " means",
    ),
    Column(
        "clean_lost",
        "clean failures",
        lambda row: (row.losses.clean, row.place.n_pictures),
        share,
        "source pictures that the codec could not encode or decode; not in the means",
    ),
    Column(
        "psnr_by",
        "worst PSNR attack",
        of_attack(lambda worst: worst.psnr_by),
        str,
        "attack, objective and (for transfer) source codec that found most of the worst PSNRs",
        is_text=True,
    ),
    Column(
        "rate_by",
        "worst rate attack",
        of_attack(lambda worst: worst.rate_by),
        str,
        "attack, objective and (for transfer) source codec that found most of the highest rates",
        is_text=True,
    ),
    Column(
        "flags",
        "flags",
        lambda row: "; ".join(map(flag_text, row.flags)) or None,
        str,
        "warnings about the row; see Flags",
        is_main=True,
        is_text=True,
        stored=lambda row: "; ".join(map(str, row.flags)) or None,
    ),
)

COLUMNS = (*_FIGURES, *_REST)
"""Every column that every board has, in the order in which it is shown."""


def columns(rows: Sequence[Row]) -> tuple[RowColumn, ...]:
    """Return every column that some rows have, in the order in which it is shown."""
    special = (*smallest_columns(rows), *collision_columns(rows))
    return (*_FIGURES, *special, *suite_columns(rows), *_REST)
