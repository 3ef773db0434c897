"""Write docs/codecs.md and its plot: what every codec takes for what quality, from a finished run.

    python docs/codecs.py runs/codecs-kodak
    python docs/codecs.py runs/codecs -o runs/codecs/codecs.md

Only what the codecs do to the source pictures is looked at; the run needs VVC medium in it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log10, nan
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.codec import Codec
from bench.errors import ConfigError
from bench.metrics import psnr_of
from bench.registry import build
from bench.store import Run, read_run
from leaderboard.cells import Case, cases
from leaderboard.curves import Delta, Point, bd_rate
from leaderboard.families import common_name, family_key
from leaderboard.setting import Setting, setting

PAGE = Path(__file__).parent / "codecs.md"
ANCHOR = "vvc"
INTRODUCTION = """\
# What codecs take for what quality

Written by `python docs/codecs.py {run}` after `bench run suites/{suite}.yaml`. Means over {counted}
of {asked} pictures{crop}: {names}. Every byte that a decoder needs is
counted; PSNR is of red, green and blue at once, luma PSNR of BT.709 luma alone.

- **BD-rate**: how many more bits than VVC medium for the same quality, on average over the quality
  that both reach (Akima splines, package bjontegaard; at least four points a curve and half of the
  range shared); fewer if negative. By PSNR, by luma PSNR, and by MS-SSIM in decibels,
  -10 log10(1 - MS-SSIM).
- **flat**: bytes of a grey square of as many pixels at the lowest rate: what headers take.
- **s/MP**: seconds a megapixel on one thread, the programs' start included.
- **MB**: megabytes of memory at most, beyond what a codec keeps loaded, and all of what an external
  program takes.

The machine has {cores} cores ({system}).
"""
REMARKS = """\
A score of other jobs ran on it: times are ten times and more what an idle one takes, and can be
compared with each other alone.

VVC and WebP keep colour at half the size (4:2:0), all others at full size; what that costs shows in
PSNR, and the luma PSNR leaves it out. By luma PSNR, VVC medium, VVC fast, AV1, HEVC, AVIF and JPEG
stand as the field knows them. What looks out of order:

- **AVIF** is AV1 with 8 bits and less of a search (speed 6 for 4), in a file whose structure weighs
  on pictures as small as these (flat).
- **JPEG XL** is tuned for the eye and has no setting for PSNR; by MS-SSIM it is nearer to WebP and
  before JPEG 2000. Its largest distance is 15, so its curve ends where the others go on, and drops
  there.
- **JPEG 2000** is optimised for the squared error and comes out at the size asked for: near WebP by
  PSNR, far behind it by MS-SSIM.
- **Learned codecs** are the small bundled models (zoo.md), one a rate.
"""
HEADERS = (
    *("codec", "point", "bpp", "PSNR", "luma PSNR", "MS-SSIM"),
    *("BD-rate", "by luma PSNR", "by MS-SSIM"),
    *("flat", "encoding s/MP", "decoding s/MP", "encoding MB", "decoding MB"),
)


@dataclass(frozen=True)
class Reached:
    """One operating point, mean over the pictures that all of them have.

    Attributes:
        label: of the operating point.
        bpp: bits per pixel, every byte counted.
        psnr: of red, green and blue at once, in dB.
        luma_psnr: of the luma alone, in dB.
        ms_ssim: at most 1; None below 161 pixels.
        encoding: seconds a megapixel.
        decoding: likewise.
        pixels: of a picture, the mean.
        memory: megabytes that encoding and decoding took at most; None where it is not known.
    """

    label: str
    bpp: float
    psnr: float
    luma_psnr: float
    ms_ssim: float | None
    encoding: float
    decoding: float
    pixels: float
    memory: tuple[float | None, float | None]


@dataclass(frozen=True)
class Family:
    """A codec with all its qualities.

    Attributes:
        key: what its operating points have in common.
        name: made of their labels.
        points: in the order of the rate.
        flat: bytes of a flat picture at the lowest rate.
    """

    key: str
    name: str
    points: tuple[Reached, ...]
    flat: int


TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2)

Quality = Callable[[Reached], float]

QUALITIES: dict[str, Quality] = {
    "PSNR, dB": lambda point: point.psnr,
    "luma PSNR, dB": lambda point: point.luma_psnr,
    "MS-SSIM, dB": lambda point: nan if point.ms_ssim is None else -10 * log10(1 - point.ms_ssim),
}


def main() -> None:
    """Read the run, write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=PAGE, metavar="FILE.md")
    given = parser.parse_args()
    run = read_run(given.run)
    pictures, found = families(run)
    plot = given.out.with_suffix(".svg")
    _save(drawn(found), plot)
    remarks = [REMARKS] if given.out == PAGE else []
    told = [*introduction(run, given.run, pictures), *remarks]
    lines = [*told, "", f"![curves]({plot.name})", ""]
    given.out.write_text("\n".join([*lines, *table(found)]) + "\n", encoding="utf-8")


def families(run: Run) -> tuple[list[str], list[Family]]:
    """Return the pictures that every operating point coded, and what each codec reached on them."""
    told = setting(run)
    at = cases(run, told)
    found = {
        label: at[label, str(told.balls[0])] for label in told.choices.keys() - told.references
    }
    shared = [
        name for name in run.manifest.pictures if all(name in one.clean for one in found.values())
    ]
    groups: dict[str, list[Reached]] = defaultdict(list)
    for label, choice in told.choices.items():
        if label in found and shared:
            groups[family_key(choice)].append(_reached(label, found[label], shared))
    return shared, [_family(key, group, told) for key, group in groups.items()]


def table(found: Sequence[Family]) -> Iterator[str]:
    """Yield the lines of the one table, the codec of the lowest BD-rate first."""
    anchor = next((family for family in found if family.key == ANCHOR), None)
    if anchor is None:
        raise ConfigError("the run has no VVC medium to compare with; add {name: vvc, qp: [...]}")
    deltas = {family.name: _deltas(anchor, family) for family in found}
    yield f"| {' | '.join(HEADERS)} |"
    yield f"|---|---|{'--:|' * (len(HEADERS) - 2)}"
    for family in sorted(found, key=lambda one: _place(deltas[one.name][0])):
        told = (*map(_told, deltas[family.name]), f"{family.flat:,}")
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
        axes.set_xticks(TICKS, map(str, TICKS))
        axes.grid(alpha=0.3, which="both")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def introduction(run: Run, folder: Path, pictures: Sequence[str]) -> Iterator[str]:
    """Yield what the page says before its table."""
    manifest, crop = run.manifest, setting(run).images.crop
    yield INTRODUCTION.format(
        run=folder,
        suite=manifest.suite["name"],
        counted=len(pictures),
        asked=len(manifest.pictures),
        names=", ".join(pictures),
        crop=f", {crop} of each" if crop else "",
        **manifest.machine,
    )


def _reached(label: str, case: Case, pictures: Sequence[str]) -> Reached:
    scores = [case.clean[name] for name in pictures]
    similar = [one.ms_ssim_clean for one in scores if one.ms_ssim_clean is not None]
    pixels = sum(8 * one.bytes / one.bpp for one in scores)
    encoding, decoding = (sum(case.seconds[name][side] for name in pictures) for side in (0, 1))
    return Reached(
        label=label,
        bpp=fmean(one.bpp_clean for one in scores),
        psnr=fmean(one.psnr_clean for one in scores),
        luma_psnr=fmean(psnr_of(one.luma_mse_clean) for one in scores),
        ms_ssim=fmean(similar) if len(similar) == len(scores) else None,
        encoding=encoding / pixels * 1e6,
        decoding=decoding / pixels * 1e6,
        pixels=pixels / len(scores),
        memory=(_megabytes(case, pictures, 0), _megabytes(case, pictures, 1)),
    )


def _megabytes(case: Case, pictures: Sequence[str], side: int) -> float | None:
    known = [size for name in pictures if (size := case.peaks[name][side]) is not None]
    return max(known) / 1e6 if known else None


def _family(key: str, group: Sequence[Reached], told: Setting) -> Family:
    points = tuple(sorted(group, key=lambda point: point.bpp))
    codec: Codec = build("codec", told.choices[points[0].label])
    side = round(points[0].pixels ** 0.5)
    flat = codec.encode(np.full((side, side, 3), 128, np.uint8))
    return Family(key, common_name([point.label for point in group]), points, len(flat))


def _deltas(anchor: Family, family: Family) -> list[Delta]:
    """Return the BD-rates by each quality, in the order of `QUALITIES`."""
    return [
        bd_rate(*(_curve(one, quality) for one in (anchor, family)))
        for quality in QUALITIES.values()
    ]


def _curve(family: Family, quality: Quality) -> tuple[Point, ...]:
    return tuple(Point(point.label, point.bpp, quality(point)) for point in family.points)


def _place(delta: Delta) -> tuple[bool, float]:
    return delta.value is None, delta.value or 0


def _row(family: Family, point: Reached, told: Sequence[str]) -> str:
    similar = "–" if point.ms_ssim is None else f"{point.ms_ssim:.4f}"
    cells = (
        *(family.name, point.label.removeprefix(family.name).strip(" -"), f"{point.bpp:.3f}"),
        *(f"{point.psnr:.2f}", f"{point.luma_psnr:.2f}", similar),
        *told,
        *(f"{point.encoding:.2f}", f"{point.decoding:.2f}"),
        *("–" if size is None else f"{size:.0f}" for size in point.memory),
    )
    return f"| {' | '.join(cells)} |"


def _told(delta: Delta) -> str:
    return f"n/a: {delta.reason}" if delta.value is None else f"{delta.value:+.1f} %"


def _save(figure: Figure, path: Path) -> None:
    """Write a plot, the same bytes for the same figures."""
    with mpl.rc_context({"svg.hashsalt": "codecs", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
