"""Evaluations of a run on one contact sheet: each adversarial picture is encoded and decoded again.

{key of an evaluation: title} --run folder, codecs--> one row each --> PNG
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.codec import Differentiable, Image
from bench.engine.job_runner import victim
from bench.engine.runner import Prepared
from bench.errors import PLUGIN_ERRORS, MachineError, one_line
from bench.inspection.bit_allocation import Map, by_pixel
from bench.inspection.contact_sheet import (
    AMPLIFICATION,
    BITS,
    DIFFERENCES,
    BitMap,
    Content,
    Panel,
    Row,
    amplified,
    draw,
    map_panels,
)
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import CoderPool
from bench.metrics.scores import psnr
from bench.planning.jobs import MeasureJob
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.pictures import read_picture
from bench.store.run_folder import Run

_NO_BITS = "no bit map: the codec has no entropy model with gradients"
_HIDDEN_BITS = "no bit map: the codec is of a plugin or behind a defence"
_LOST = "the file of the adversarial picture was lost or altered"


@dataclass(frozen=True)
class SheetText:
    """The words of a sheet.

    Attributes:
        title: title of the sheet.
        rows: title of the row of each evaluation, by key.
        description: text that the file carries, not drawn.
    """

    title: str
    rows: Mapping[str, str]
    description: str


def evaluation_sheet(prepared: Prepared, run: Run, text: SheetText, pool: CoderPool) -> bytes:
    """Return the sheet as PNG.

    A picture that cannot be decoded, or whose file was lost or altered, is replaced by the reason.

    Args:
        prepared: the suite and its plan.
        run: the run of the suite, with the adversarial pictures in its folder.
        text: which evaluations are shown, and the words; at least one evaluation.
        pool: the processes in which foreign codecs encode and decode.
    """
    cells = {cell.key: cell for cell in prepared.plan.cells if cell.key in text.rows}
    rows = [
        _row(prepared, run, cells[key], title, pool)
        for key, title in text.rows.items()
        if key in cells
    ]
    notes = [DIFFERENCES, BITS] if any(map(_has_bits, rows)) else [DIFFERENCES]
    return draw(rows, text.title, notes, text.description)


def _row(prepared: Prepared, run: Run, cell: MeasureJob, title: str, pool: CoderPool) -> Row:
    source, coder = cell.picture.pixels, victim(prepared, cell, pool)
    craft = None if cell.craft is None else run.crafts.get(cell.craft.key)
    attacked = None if craft is None else read_picture(run.folder, craft)
    before = Panel(*_decoded("before the attack", coder, source, source))
    if attacked is None:
        lost = [Panel("", _LOST)] * 4
        return Row([Panel("source\n", source), before, *lost], title)
    change = f"perturbation x{AMPLIFICATION}\n{psnr(source, attacked):.2f} dB"
    return Row(
        [
            Panel("source\n", source),
            before,
            Panel(change, amplified(source, attacked)),
            Panel(*_decoded("after the attack", coder, attacked, source)),
            *_bits(prepared, cell, attacked),
        ],
        title,
    )


def _decoded(when: str, coder: Coder, image: Image, source: Image) -> tuple[str, Content]:
    """Return the title and the content of the panel of a decoded picture."""
    coded = _coded(coder, image)
    if isinstance(coded, RoundTrip):
        scores = f"{psnr(source, coded.image):.2f} dB, {coded.bpp:.3f} bpp"
        return f"decoded {when}\n{scores}", coded.image
    return f"decoded {when}\nnothing, counts as grey at 24 bpp", coded.reason


def _coded(coder: Coder, image: Image) -> RoundTrip | CodingFailure:
    try:
        return encode_decode(coder, image)
    except MachineError as error:
        return CodingFailure("failed", str(error))


def _bits(prepared: Prepared, cell: MeasureJob, attacked: Image) -> list[Panel]:
    """Return the panels of the bit maps of source and adversarial picture."""
    maps = _maps(prepared, cell, attacked)
    if isinstance(maps, str):
        return [Panel("", maps), Panel("", "")]
    return map_panels(maps, ("bits before the attack\n", "bits after the attack\n"))


def _maps(prepared: Prepared, cell: MeasureJob, attacked: Image) -> tuple[Map, Map] | str:
    """Return the bit allocations, or why there are none.

    A call of a foreign codec could crash or hang in this process.
    """
    codec, choice = prepared.codec(cell.victim), cell.victim.choice
    if choice.is_foreign or choice.defence:
        return _HIDDEN_BITS
    if not isinstance(codec, Differentiable):
        return _NO_BITS
    try:
        return by_pixel(codec, cell.picture.pixels, attacked)
    except PLUGIN_ERRORS as error:  # as where memory runs out
        return f"no bit map: {one_line(error)}"


def _has_bits(row: Row) -> bool:
    return any(isinstance(panel.content, BitMap) for panel in row.panels)
