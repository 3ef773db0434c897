"""The page of a run in which nothing was attacked: one table and one plot of rate and quality."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.errors import BenchError, ConfigError
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import setting
from leaderboard.formatting import escaped
from leaderboard.ranking.clean_rd import ANCHOR, QUALITIES, Family, Reached, deltas, families
from leaderboard.ranking.rd_curves import Delta

_INTRODUCTION = """\
# What codecs take for what quality

Written by `bench run` of the suite {suite}. Means over {counted}
of {asked} pictures{crop}: {names}. Every byte that a decoder needs is
counted; PSNR is of red, green and blue at once, luma PSNR of BT.709 luma alone.

- **BD-rate**: how many more bits than VVC medium for the same quality, on average over the quality
  that both reach (Akima splines, package bjontegaard; at least four points a curve and half of the
  range shared); fewer if negative. By PSNR, by luma PSNR, and by MS-SSIM in decibels,
  -10 log10(1 - MS-SSIM).
- **flat**: bytes of a grey square of as many pixels at the lowest rate: what headers take.
- **s/MP**: seconds a megapixel, programs' start included; threads: {threads}.
- **MB**: megabytes of memory at most, beyond what a codec keeps loaded, and all of what an external
  program takes.

The machine: {machine}.
"""

_HEADERS = (
    *("codec", "point", "bpp", "PSNR", "luma PSNR", "MS-SSIM"),
    *("BD-rate", "by luma PSNR", "by MS-SSIM"),
    *("flat", "encoding s/MP", "decoding s/MP", "encoding MB", "decoding MB"),
)

_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2)


def write_rates(run: Run, out: Path, remarks: str = "") -> list[Path]:
    """Write the page and its plot; return their paths.

    Args:
        run: with VVC at its default preset in it.
        out: the page, .md; the plot stands beside it.
        remarks: what is said before the table besides, markdown.

    Raises:
        BenchError: there is no such VVC in the run, or it cannot be written.
    """
    pictures, found = families(run)
    plot = out.with_suffix(".svg")
    told = [introduction(run, pictures), *filter(None, [remarks]), f"![curves]({plot.name})"]
    page = "\n\n".join([*told, "\n".join(table(found))]) + "\n"
    try:
        out.write_text(page, encoding="utf-8")
        plot.write_bytes(_svg(drawn(found)))
    except OSError as error:
        raise BenchError(f"cannot write {out}: {error.strerror}; choose another file") from error
    return [out, plot]


def table(found: Sequence[Family]) -> Iterator[str]:
    """Yield the lines of the one table, the codec of the lowest BD-rate first."""
    anchor = next((family for family in found if family.key == ANCHOR), None)
    if anchor is None:
        raise ConfigError("the run has no VVC medium to compare with; add {name: vvc, qp: [...]}")
    against = {family.key: deltas(anchor, family) for family in found}
    yield f"| {' | '.join(_HEADERS)} |"
    yield f"|---|---|{'--:|' * (len(_HEADERS) - 2)}"
    for family in sorted(found, key=lambda one: _place(against[one.key][0])):
        told = (*map(_told, against[family.key]), f"{family.flat:,}")
        for index, point in enumerate(family.points):
            yield _row(family, point, [""] * len(told) if index else told)


def drawn(found: Sequence[Family]) -> Figure:
    """Return the curves, one panel for each quality."""
    figure = Figure(figsize=(15, 5.5), layout="constrained")
    colours = [mpl.colormaps["tab20"](index) for index in (*range(0, 20, 2), *range(1, 20, 2))]
    for axes, (title, quality) in zip(figure.subplots(1, 3), QUALITIES.items(), strict=True):
        for index, family in enumerate(found):
            rates = [point.bpp for point in family.points]
            values = [quality(point) for point in family.points]
            marker = "os^Dv"[index % 5]
            colour = colours[index % len(colours)]
            axes.plot(rates, values, marker=marker, color=colour, label=family.name, markersize=4)
        axes.set(xscale="log", xlabel="bits per pixel", ylabel=title)
        axes.set_xticks(_TICKS, map(str, _TICKS))
        axes.grid(alpha=0.3, which="both")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def introduction(run: Run, pictures: Sequence[str]) -> str:
    """Return what the page says before its table; markdown."""
    manifest, crop = run.manifest, setting(run).images.crop
    return _INTRODUCTION.format(
        suite=manifest.suite["name"],
        counted=len(pictures),
        asked=len(manifest.pictures),
        names=", ".join(map(escaped, pictures)),
        crop=f", {crop} of each" if crop else "",
        threads=setting(run).compute.threads,
        machine=", ".join(f"{key} {value}" for key, value in manifest.machine.items()),
    ).rstrip()


def _row(family: Family, point: Reached, told: Sequence[str]) -> str:
    similar = "–" if point.ms_ssim is None else f"{point.ms_ssim:.4f}"
    cells = (
        *(escaped(family.name), escaped(_rest(point.label, family.name)), f"{point.bpp:.3f}"),
        *(f"{point.psnr:.2f}", f"{point.luma_psnr:.2f}", similar),
        *told,
        *(f"{point.encoding:.2f}", f"{point.decoding:.2f}"),
        *("–" if size is None else f"{size:.0f}" for size in point.memory),
    )
    return f"| {' | '.join(cells)} |"


def _rest(label: str, name: str) -> str:
    return label.removeprefix(name).strip(" -")


def _told(delta: Delta) -> str:
    return f"n/a: {delta.reason}" if delta.value is None else f"{delta.value:+.1f} %"


def _place(delta: Delta) -> tuple[bool, float]:
    return delta.value is None, delta.value or 0


def _svg(figure: Figure) -> bytes:
    """Return a plot, the same bytes for the same figures."""
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "codecs", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()
