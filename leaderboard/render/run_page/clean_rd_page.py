"""The page of a run without attacks: one table and one plot of rate and quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.errors import ConfigError
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import setting
from leaderboard.formatting import escaped
from leaderboard.ranking.clean_rd import (
    ANCHOR,
    QUALITIES,
    Family,
    Reached,
    deltas,
    families,
    left_out,
)
from leaderboard.ranking.rd_curves import Delta
from leaderboard.render.figures import in_legend
from leaderboard.render.files import write_file
from leaderboard.render.markdown import table
from leaderboard.render.plots import STYLE, svg
from leaderboard.render.run_page.coding_times import in_words

_INTRODUCTION = """\
# Rate and quality of codecs

This page compares the rate, the quality, the time and the memory of the codecs of the suite {suite}
on clean pictures. They are ordered by BD-rate against VVC medium, the best first."""

_METHOD = """\
## How to read the table

`bench run` writes this page. Values are means over {counted} of {planned} pictures{crop}:
{names}.{lost}

- **bpp** counts every byte that a decoder needs.
- **PSNR** is measured over red, green and blue together, **luma PSNR** on BT.709 luma.
- **BD-rate** is the mean difference in bits to VVC medium at the same quality; a negative number
  means fewer bits. The mean is over the quality range that both codecs have (PCHIP interpolation,
  package bjontegaard). A BD-rate needs at least four points per curve and half of the range in
  common. The three columns use PSNR, luma PSNR, and MS-SSIM in decibels, -10 log10(1 - MS-SSIM).
- **flat** is the number of bytes of a grey square with as many pixels at the lowest rate: the size
  of the headers.
- **s/MP** is seconds per megapixel. {times}
- **MB** is the largest memory in megabytes beyond what a codec keeps loaded. For an external
  program it is all of the program's memory.

Machine: {machine}."""

_HEADERS = (
    *("codec", "point", "bpp", "PSNR", "luma PSNR", "MS-SSIM"),
    *("BD-rate", "by luma PSNR", "by MS-SSIM"),
    *("flat", "encoding s/MP", "decoding s/MP", "encoding MB", "decoding MB"),
)

_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2)


def write_rates(run: Run, out: Path, remarks: str = "") -> list[Path]:
    """Write the page and its plot; return their paths.

    Args:
        run: a run that contains VVC at its default preset.
        out: the page, .md; the plot is written beside it.
        remarks: markdown at the end of the page.

    Raises:
        BenchError: the run has no such VVC, or the files cannot be written.
    """
    pictures, codecs = families(run)
    plot = out.with_suffix(".svg")
    blocks = [_INTRODUCTION.format(suite=run.manifest.suite["name"]), f"![curves]({plot.name})"]
    blocks += [rate_table(codecs), _method(run, pictures), *filter(None, [remarks])]
    write_file(plot, rate_plot(codecs))
    write_file(out, ("\n\n".join(blocks) + "\n").encode())
    return [out, plot]


def rate_table(codecs: Sequence[Family]) -> str:
    """Return the table of all operating points, the codec with the lowest BD-rate first."""
    anchor = next((codec for codec in codecs if codec.key == ANCHOR), None)
    if anchor is None:
        raise ConfigError("the run has no VVC medium to compare with; add {name: vvc, qp: [...]}")
    bd_rates = {codec.key: deltas(anchor, codec) for codec in codecs}
    ordered = sorted(codecs, key=lambda codec: _order(bd_rates[codec.key][0]))
    lines = (line for codec in ordered for line in _lines(codec, bd_rates[codec.key]))
    return table(_HEADERS, [False, False, *[True] * (len(_HEADERS) - 2)], lines)


def rate_plot(codecs: Sequence[Family]) -> bytes:
    """Return the curves as SVG, one panel for each quality."""
    with mpl.rc_context({**STYLE}):
        return svg(_panels(codecs))


def _panels(codecs: Sequence[Family]) -> Figure:
    figure = Figure(figsize=(15, 5.5), layout="constrained")
    colours = [mpl.colormaps["tab20"](index) for index in (*range(0, 20, 2), *range(1, 20, 2))]
    for axes, (title, quality) in zip(figure.subplots(1, 3), QUALITIES.items(), strict=True):
        for index, codec in enumerate(codecs):
            rates = [point.bpp for point in codec.points]
            values = [quality(point) for point in codec.points]
            marker = "os^Dv"[index % 5]
            colour = colours[index % len(colours)]
            label = in_legend(codec.name)
            axes.plot(rates, values, marker=marker, color=colour, label=label, markersize=4)
        axes.set(xscale="log", xlabel="bits per pixel", ylabel=title)
        axes.set_xticks(_TICKS, map(str, _TICKS))
        axes.grid(alpha=0.3, which="both")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _method(run: Run, pictures: Sequence[str]) -> str:
    """Return the section on columns, pictures and the machine; markdown."""
    manifest, suite = run.manifest, setting(run)
    return _METHOD.format(
        counted=len(pictures),
        planned=len(manifest.pictures),
        crop=f", {suite.images.crop} of each" if suite.images.crop else "",
        names=", ".join(map(escaped, pictures)),
        lost=_lost(run),
        times=in_words(manifest, suite, run.timings or {}),
        machine=", ".join(f"{key} {value}" for key, value in manifest.machine.items()),
    )


def _lost(run: Run) -> str:
    """Return the operating points that have no line, after a space."""
    names = ", ".join(map(escaped, left_out(run)))
    return f" Left out, because no picture has scores: {names}." if names else ""


def _lines(codec: Family, bd_rates: Sequence[Delta]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each operating point; only the first one has the values of the codec."""
    shared = (*map(_bd_rate_text, bd_rates), _or_none(codec.flat, 0, ","))
    for index, point in enumerate(codec.points):
        yield _line(codec, point, [""] * len(shared) if index else shared)


def _line(codec: Family, point: Reached, shared: Sequence[str]) -> tuple[str, ...]:
    return (
        *(codec.name, _parameters(point.label, codec.name), f"{point.bpp:.3f}"),
        *(f"{point.psnr:.2f}", f"{point.luma_psnr:.2f}", _or_none(point.ms_ssim, 4)),
        *shared,
        *(_or_none(seconds, 2) for seconds in (point.encoding, point.decoding)),
        *(_or_none(size, 0) for size in point.memory),
    )


def _or_none(value: float | None, digits: int, grouped: str = "") -> str:
    return "–" if value is None else f"{value:{grouped}.{digits}f}"


def _parameters(label: str, name: str) -> str:
    """Return an operating point's label without the name of its codec."""
    return label.removeprefix(name).strip(" -")


def _bd_rate_text(delta: Delta) -> str:
    return f"n/a: {delta.reason}" if delta.value is None else f"{delta.value:+.1f} %"


def _order(delta: Delta) -> tuple[bool, float]:
    return delta.value is None, delta.value or 0
