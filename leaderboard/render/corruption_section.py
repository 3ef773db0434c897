"""The part of the page on corrupted pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from leaderboard.columns.corruption_columns import (
    ALL_KINDS,
    band_text,
    codec_columns,
    kind_columns,
)
from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.corruptions import CorruptedCodec, kinds_of
from leaderboard.render.markdown import bullets, folded, listing
from leaderboard.render.plot import Plot

CORRUPTED = (
    "No attack: nobody made these pictures against a codec, and no rank or worst case contains"
    " them. A codec is given the corrupted picture and is not expected to repair it: every error is"
    " that of the decoded picture against this input. Each figure is the mean R-D cost"
    " J = bpp + λ·255²·MSE of the corrupted pictures as a multiple of that of the source pictures,"
    " at λ = 0.013 and at the operating point with the lowest clean cost. Below ×1 the corrupted"
    " pictures are easier to code. Do not compare codecs by their factors alone: a codec that is"
    " inefficient on clean pictures has a smaller one."
)
"""What the figures of corrupted pictures are, in markdown and plain text."""


def section(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield what corruptions cost each codec, where a suite has any."""
    parts = [one for one in board.comparisons if one.corrupted]
    if parts:
        yield "## Corruptions"
        yield CORRUPTED
    for one in parts:
        yield f"### {escaped(', '.join(one.runs))}: R-D cost relative to the clean one, ×"
        yield from overview(one, plots, {})
        for codec in one.corrupted:
            yield from folded(escaped(f"{codec.family} in detail"), _details(codec))


def overview(one: Comparison, plots: Sequence[Plot], names: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of kinds and codecs, and its plot.

    Args:
        one: the comparison of a suite with corruptions.
        plots: the plots beside the page.
        names: the short name of each codec; the others keep their own.
    """
    columns = [
        replace(column, header=names.get(column.header, column.header))
        for column in codec_columns(one.corrupted)
    ]
    yield listing(columns, [*kinds_of(one.corrupted), ALL_KINDS], intervals=False)
    yield from _images(plots, one)


def settings(part: BoardRun) -> Iterator[str]:
    """Yield which corruptions a run has, if any."""
    if part.corruptions:
        kinds = dict.fromkeys(one.kind for one in part.corruptions.values())
        severities = sorted({one.severity for one in part.corruptions.values()})
        yield (
            f"**Corruptions**, which are no attacks: {', '.join(map(escaped, kinds))}; severities"
            f" {', '.join(map(str, severities))}."
        )


def _details(codec: CorruptedCodec) -> Iterator[str]:
    """Yield the table of one codec, with the bands of its clean error and its failures."""
    yield f"At the operating point {escaped(codec.codec)}; BD-rate over all operating points."
    yield listing(kind_columns(codec), codec.effects)
    if codec.clean_bands is not None:
        yield f"Squared error of coding the source pictures: {band_text(codec.clean_bands)}."
    if codec.lost:
        counts = Counter(f"{record.victim}: {record.reason}" for record in codec.lost)
        yield (
            "Without a score of their own (a failure counts as mid-grey at 24 bpp, an unsupported"
            " picture does not count):"
        )
        yield bullets(escaped(f"{reason} ({count})") for reason, count in counts.items())


def _images(plots: Sequence[Plot], one: Comparison) -> Iterator[str]:
    for plot in plots:
        if (plot.about, plot.runs, plot.budget) == ("corruptions", one.runs, str(one.budget)):
            yield f"![{escaped(plot.caption)}]({quote(plot.path)})"
