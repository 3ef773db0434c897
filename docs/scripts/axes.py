"""Write docs/axes.md and its figures: what breaks codecs besides gradients, from finished runs.

    python docs/scripts/axes.py runs/axes-kodak runs/axes-corruptions runs/reading elsewhere.json

The JSON file is what `bench verify runs/axes-kodak --elsewhere --json` printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from axes_origin import origins
from pages import DOCS, finished_run, table, write_page

from leaderboard.aggregate.extra_metrics import MetricColumn
from leaderboard.aggregate.rows import Row
from leaderboard.columns.corruption_columns import ALL_KINDS, codec_columns
from leaderboard.formatting import decibel
from leaderboard.ranking.board import Board, build_board
from leaderboard.ranking.corruptions import CorruptedCodec, kinds_of
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.axes.axis import Axis
from leaderboard.render.corruption_section import CORRUPTED
from leaderboard.render.markdown import listing
from leaderboard.render.plots import plots

_EYE = ("xpsnr", "haarpsi", "ssimulacra2")
_KINDS = ("clean", "attacked")
_COUNTED = ("bitstreams", "failed", "broken", "different")
_SURPRISES = """\
**What surprised** (written by hand for the runs that the end of the page names): the models that
were hardened against attacks on the rate lose 4.3 and 4.7 dB in ten generations, the plain ones
1.0 to 1.5, JPEG 0.02; VVC and AV1 lose 2.5 dB, more than any plain learned model here. In another
memory layout or with older vector instructions 14 of 256 attacked bitstreams and 3 of 64 clean
ones of the hyperprior and mean-scale models decode to wrong pictures. One wrong bit in 10,000
leaves 9 to 14 dB of a learned codec's picture, and nothing refuses it; VVC refuses all. Noise
costs VVC 15 to 16 times as much as clean pictures, AV1 and HEVC 5 to 7 times. The learned
encoders take at most 1.2 times as long under attack, those of VVC, HEVC and AV1 up to 1.5 to 1.7
times. At 0.4 bpp a hyperprior loses a quarter of the bar codes without any attack, JPEG, VVC and
AV1 lose none. Under attacks on the rate, z of the source picture would save mean-scale q4 half of
the additional bits, as Wu et al. report, but hyperprior q4 would need more.
"""


def main() -> None:
    """Read the runs, write the page and its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("attacked", "corrupted", "reading", "elsewhere"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    run = finished_run(args.attacked)
    boards = [
        build_board([one])
        for one in (run, finished_run(args.corrupted), finished_run(args.reading))
    ]
    elsewhere = json.loads(args.elsewhere.read_text(encoding="utf-8"))
    write_page(DOCS / "axes.md", _blocks(boards, origins(run), elsewhere["comparisons"], args))
    for board in boards:
        _write_figures(board)


def _blocks(
    boards: Sequence[Board],
    origin: str,
    elsewhere: Sequence[Mapping[str, Any]],
    args: argparse.Namespace,
) -> Iterator[str]:
    attacked, corrupted, reading = boards
    axes = {axis.key: axis for axis in (*axes_of(attacked), *axes_of(reading))}
    codecs = [one for part in corrupted.comparisons for one in part.corrupted]
    yield "# What else breaks a codec"
    fragile = "; ".join(_most_fragile(axes, codecs, attacked.rows, elsewhere))
    yield (
        "Everything but the attacks on rate and distortion that the board ranks. **The most fragile"
        f" codec on each axis:** {fragile}."
    )
    yield " ".join(_SURPRISES.split())
    yield from _of_axis(axes["generations"], "measure_generations")
    yield "## Corruptions"
    yield f"{CORRUPTED} [How to measure it](tasks/measure_corruptions.md)."
    yield listing(codec_columns(codecs), [*kinds_of(codecs), ALL_KINDS], intervals=False)
    yield from _of_axis(axes["resources"], "measure_resources")
    yield from _on_other_machines(elsewhere)
    yield from _of_axis(axes["bit-errors"], "measure_bit_errors")
    yield from _eye(attacked.rows)
    yield from _of_axis(axes["reading"], "measure_reading")
    yield "## Where the harm arises"
    yield (
        "Medians over the pictures of the gains, sums and means of the bits, for PGD with 20 steps"
        " at linf 8. The last column codes the adversarial picture with z of the source picture, in"
        " real bytes. [How to measure it](tasks/attack_one_picture.md), after Wu et al. (arXiv"
        " 2405.07717), who find that the hyperprior inflates the rate and that the inverse GDN"
        " amplifies the perturbation."
    )
    yield origin
    yield _reproduce(args)


def _of_axis(axis: Axis, task: str) -> Iterator[str]:
    yield f"## {axis.title}"
    yield f"{axis.about} [How to measure it](tasks/{task}.md)."
    yield listing(axis.shown, axis.lines, intervals=False)
    yield f"![{axis.title}](axes-{axis.key}.svg)"


def _on_other_machines(elsewhere: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Other machines"
    yield (
        "Bitstreams that fail, that are broken (a value of the picture differs by more than one"
        " level) and that differ at all, decoded in other environments of one machine; clean /"
        " attacked. [How to measure it](tasks/decode_elsewhere.md)."
    )
    places: dict[str, list[Mapping[str, Any]]] = {}
    for one in elsewhere:
        if one["clean"]["bitstreams"] or one["attacked"]["bitstreams"]:
            places.setdefault(one["environment"], []).append(one)
    yield table(
        ("environment", "bitstreams", "fail", "broken", "differ", "worst PSNR, dB"),
        (_place(name, those) for name, those in places.items()),
    )


def _place(environment: str, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    counts = [" / ".join(_sums(lines, name)) for name in _COUNTED]
    both = [one[kind]["psnr"] for one in lines for kind in _KINDS]
    worst = [psnr for psnr in both if psnr is not None]
    return [environment, *counts, decibel(min(worst)) if worst else "–"]


def _sums(lines: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return [str(sum(one[kind][name] for one in lines)) for kind in _KINDS]


def _eye(rows: Iterable[Row]) -> Iterator[str]:
    yield "## Models of the eye"
    yield (
        "Clean pictures, and the worst of the adversarial pictures, each metric in its own worst"
        " case; means over the pictures. The attacks maximised the squared error or the rate."
        " [What the metrics are](tasks/measure_what_people_see.md)."
    )
    headers = [f"{name} {what}" for name in _EYE for what in ("clean", "worst")]
    yield table(
        ("codec", "bpp", *headers),
        (
            [row.place.codec, f"{row.clean.bpp.mean:.3f}", *_eye_cells(row)]
            for row in rows
            if row.clean and row.clean.bpp and not row.reference
        ),
    )


def _eye_cells(row: Row) -> Iterator[str]:
    for name in _EYE:
        for value in _of_metric(row, name):
            yield "–" if value is None else f"{value:.2f}"


def _of_metric(row: Row, name: str) -> tuple[float | None, float | None]:
    """Return a metric's mean of the clean pictures and in its worst case."""
    scores = (row.clean, row.attack)
    clean, worst = ({} if one is None else one.extra for one in scores)
    return _mean(clean, name), _mean(worst, name)


def _mean(extra: Mapping[MetricColumn, Any], name: str) -> float | None:
    found = (value for metric, value in extra.items() if metric.label == name and value)
    return next((value.mean for value in found), None)


def _most_fragile(
    axes: Mapping[str, Axis],
    corrupted: Sequence[CorruptedCodec],
    rows: Sequence[Row],
    elsewhere: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """Yield a line for each axis: the codec with the worst figure, and the figure."""
    generations, damaged = axes["generations"], axes["bit-errors"]
    yield _worst("generations", generations, "dB lost in 10", "{} dB in ten")
    costs = {one.family: one.cost.value for one in corrupted if one.cost is not None}
    most = max(costs, key=costs.__getitem__)
    yield f"corruptions: {most} (×{costs[most]:.2f} of its clean R-D cost)"
    yield _worst("time", axes["resources"], "encoding time largest", "{} under attack")
    yield _worst("bit errors", damaged, "0.0001: fail %", "{} % of the bitstreams fail at 1e-4")
    yield _worst("the same, decoded", damaged, "0.0001: PSNR dB", "{} dB are left", worst=min)
    falls = {row.place.codec: _fall(row) for row in rows if _fall(row) is not None}
    most = max(falls, key=lambda codec: falls[codec] or 0)
    yield f"the eye: {most} (HaarPSI falls by {falls[most]:.2f} under attack)"
    yield _worst(
        *("reading", axes["reading"], "words-read attacked %"),
        "{} % of the words are read under attack",
        worst=min,
    )
    broken = [one for one in elsewhere if one["breaks"] and "vectors" not in one["environment"]]
    names = ", ".join(dict.fromkeys(one["codec"] for one in broken))
    yield f"other machines: {names or 'none'} (broken pictures)"


def _fall(row: Row) -> float | None:
    clean, worst = _of_metric(row, "haarpsi")
    return None if row.reference or clean is None or worst is None else clean - worst


def _worst(what: str, axis: Axis, header: str, text: str, worst: Callable[..., Any] = max) -> str:
    """Return the codec with the worst figure in a column, and the figure."""
    (column,) = (one for one in axis.columns if one.header == header)
    known = [(column.value(line), line) for line in axis.lines if line.codec != "identity"]
    _, line = worst((pair for pair in known if pair[0] is not None), key=lambda pair: pair[0])
    return f"{what}: {line.codec} ({text.format(column.text(line).removeprefix('+'))})"


def _write_figures(board: Board) -> None:
    for plot in plots(board, "plots"):
        if plot.about in ("generations", "resources", "bit-errors", "reading"):
            (DOCS / f"axes-{plot.about}.svg").write_bytes(plot.svg)


def _reproduce(args: argparse.Namespace) -> str:
    folders = (args.attacked, args.corrupted, args.reading)
    runs = " ".join(folder.as_posix() for folder in folders)
    return f"""\
## Reproduce this page

Run each suite with `bench run NAME -o runs/NAME`. They need the extras `perceptual` and `reading`,
and the published checkpoint in `weights/`. Then

    bench verify {args.attacked} --elsewhere --json > {args.elsewhere}
    python docs/scripts/axes.py {runs} {args.elsewhere}

`bench run axes` makes small tables of the same kinds on two photographs that need no download."""


if __name__ == "__main__":
    main()
