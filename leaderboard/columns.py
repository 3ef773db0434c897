"""The columns of the board: the one list that every renderer uses.

To add one: a line in `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from leaderboard.damage import Damage, Gain
from leaderboard.formats import decibel, factor, percent, rate, share
from leaderboard.rows import Clean, Row

Value = TypeVar("Value")


@dataclass(frozen=True)
class Column(Generic[Value]):
    """One column.

    Attributes:
        header: its title, with the unit.
        value: what a row has there; None where it has nothing.
        format: value -> text.
        meaning: one line for the legend.
        better: which values speak for the codec; None if neither does.
        terminal: whether it is shown on the terminal too, where 120 columns must do.
    """

    header: str
    value: Callable[[Row], Value | None]
    format: Callable[[Value], str]
    meaning: str
    better: Literal["higher", "lower"] | None = None
    terminal: bool = False

    @property
    def title(self) -> str:
        """The header with an arrow that points where the better values are."""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.better]
        return f"{self.header}{arrow}"

    def text(self, row: Row) -> str:
        """Return the cell of a row."""
        value = self.value(row)
        return "–" if value is None else self.format(value)


def _attack(score: Callable[[Damage], Value | None]) -> Callable[[Row], Value | None]:
    return lambda row: None if row.attack is None else score(row.attack)


def _noise(score: Callable[[Damage], Value | None]) -> Callable[[Row], Value | None]:
    return lambda row: None if row.noise is None else score(row.noise)


def _gain(score: Callable[[Gain], Value | None]) -> Callable[[Row], Value | None]:
    return lambda row: None if row.gain is None else score(row.gain)


def _clean(score: Callable[[Clean], Value | None]) -> Callable[[Row], Value | None]:
    return lambda row: None if row.clean is None else score(row.clean)


AnyColumn: TypeAlias = Column[float] | Column[str] | Column[tuple[int, int]]

RUN = Column("run", lambda row: row.place.run, str, "the suite the row is of", terminal=True)
"""Shown where several runs stand on one board."""

DROP = Column(
    "drop dB",
    _attack(lambda d: d.drop_db),
    decibel,
    "clean PSNR less worst PSNR, mean; none for a lossless codec",
    "lower",
    terminal=True,
)
RATE = Column(
    "rate",
    _attack(lambda d: d.bpp_factor),
    factor,
    "the bitstream's length by that of the unattacked picture; the largest of all attacks for"
    " each picture, then the geometric mean",
    "lower",
    terminal=True,
)
COST = Column(
    "R-D cost",
    _attack(lambda d: d.rd_factor),
    factor,
    "the R-D cost by that of the unattacked picture; the largest of all attacks for each"
    " picture, then the geometric mean",
    "lower",
    terminal=True,
)

HEADLINES = (DROP, RATE, COST)
"""Those by which the page says in words who lost most."""

COLUMNS: tuple[AnyColumn, ...] = (
    RUN,
    Column(
        "codec",
        lambda row: f"{row.place.codec} (reference)" if row.reference else row.place.codec,
        str,
        "the operating point: a codec with its parameters; a reference is lossless and shows what"
        " the attacked pictures are like where no codec harms them",
        terminal=True,
    ),
    Column(
        "threat",
        lambda row: row.place.threat,
        str,
        "white-box: its own gradients; black-box: no gradients, but queries of what it makes of"
        " pictures; both with pictures made against others where it is given those; transfer:"
        " those alone; noise only: none of these",
    ),
    Column(
        "pictures",
        lambda row: (row.pictures, row.place.asked),
        share,
        "over how many the figures are means, of all; the others lack a score they would need",
    ),
    Column(
        "clean bpp",
        _clean(lambda c: c.bpp),
        rate,
        "bits per pixel of the unattacked pictures, all bytes of the bitstream counted, mean",
        "lower",
        terminal=True,
    ),
    Column(
        "clean PSNR dB",
        _clean(lambda c: c.psnr),
        decibel,
        "of the decoded unattacked pictures against the source pictures, mean",
        "higher",
        terminal=True,
    ),
    Column(
        "worst PSNR dB",
        _attack(lambda d: d.psnr),
        decibel,
        "of the decoded attacked pictures against the source pictures; the lowest of all attacks"
        " for each picture, then the mean",
        "higher",
        terminal=True,
    ),
    DROP,
    Column(
        "drop %",
        _attack(lambda d: d.drop_percent),
        percent,
        "that in per cent of each picture's clean PSNR, mean",
        "lower",
    ),
    Column(
        "beyond noise dB",
        _gain(lambda g: g.drop_db),
        decibel,
        "by how much worst PSNR is below noise PSNR: what an attack adds to mere noise",
        "lower",
        terminal=True,
    ),
    RATE,
    Column(
        "rate beyond noise",
        _gain(lambda g: g.bpp_factor),
        factor,
        "rate by noise rate",
        "lower",
        terminal=True,
    ),
    COST,
    Column(
        "R-D cost beyond noise",
        _gain(lambda g: g.rd_factor),
        factor,
        "R-D cost by noise R-D cost",
        "lower",
    ),
    Column(
        "noise PSNR dB",
        _noise(lambda d: d.psnr),
        decibel,
        "as worst PSNR, of the worst noise for each picture",
        "higher",
    ),
    Column("noise rate", _noise(lambda d: d.bpp_factor), factor, "as rate, of noise", "lower"),
    Column(
        "noise R-D cost", _noise(lambda d: d.rd_factor), factor, "as R-D cost, of noise", "lower"
    ),
    Column(
        "change PSNR dB",
        _attack(lambda d: d.psnr_perturbation),
        decibel,
        "of the attacked picture itself, not coded, against the source picture, where worst PSNR"
        " was found, mean: how small the change was",
    ),
    Column(
        "VI dB",
        _attack(lambda d: d.vi),
        decibel,
        "vulnerability index 10 log10(MSE(C(x), C(x')) / MSE(x, x')) where worst PSNR was found,"
        " mean: above 0 the codec C amplifies the change from picture x to x'",
        "lower",
    ),
    Column(
        "unexplained %",
        _attack(lambda d: 100 * d.unexplained),
        percent,
        "share of the pictures where, at worst PSNR, the error is larger than the codec's own and"
        " that of the change together: a codec that keeps the change faithfully has 0",
        "lower",
        terminal=True,
    ),
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
        _attack(lambda d: d.psnr_by),
        str,
        "attack, objective and (transfer) attacked codec that found most of the worst PSNRs",
    ),
    Column("rate by", _attack(lambda d: d.rate_by), str, "likewise for the rate"),
    Column(
        "flags",
        lambda row: "; ".join(map(str, row.flags)) or None,
        str,
        "what to know before believing the row; see Flags",
        terminal=True,
    ),
)
"""Every column, in the order in which it is shown."""
