"""Clean rate and quality of the operating points and families of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import numpy as np

from bench.isolation.coder import LocalCoder
from bench.metrics.scores import psnr_of
from bench.planning.resolve import make_codec
from bench.registry.component_spec import ComponentSpec
from bench.scoring.roundtrip import CodingFailure, encode_decode
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.families import family_key, names
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.ranking.rd_curves import Curve, Delta, Point, bd_rate

ANCHOR = "vvc"
"""Key of the family that BD-rates refer to: VVC at its default preset."""


@dataclass(frozen=True)
class Reached:
    """One operating point, mean over the pictures that all operating points have.

    Attributes:
        label: label of the operating point.
        bpp: bits per pixel; every byte counts.
        psnr: RGB PSNR in dB.
        luma_psnr: PSNR of the luma in dB.
        ms_ssim: at most 1; None below 161 pixels.
        encoding: seconds per megapixel; None if not measured.
        decoding: seconds per megapixel; None if not measured.
        pixels: mean number of pixels of a picture.
        memory: peak memory of encoding and decoding in megabytes; None where it is not known.
    """

    label: str
    bpp: float
    psnr: float
    luma_psnr: float
    ms_ssim: float | None
    encoding: float | None
    decoding: float | None
    pixels: float
    memory: tuple[float | None, float | None]


@dataclass(frozen=True)
class Family:
    """A codec at every quality setting.

    Attributes:
        key: what its operating points share.
        name: derived from their labels.
        points: in the order of the rate.
        flat: bytes of a uniform grey picture at the lowest rate; None if it cannot be coded.
    """

    key: str
    name: str
    points: tuple[Reached, ...]
    flat: int | None


Quality = Callable[[Reached], float]

QUALITIES: dict[str, Quality] = {
    "PSNR, dB": lambda point: point.psnr,
    "luma PSNR, dB": lambda point: point.luma_psnr,
    "MS-SSIM, dB": lambda point: nan if point.ms_ssim is None else psnr_of(1 - point.ms_ssim),
}


def is_of_rates(run: Run) -> bool:
    """Return whether a run has scores of VVC and no attacks other than noise."""
    if any(craft.sources for craft in run.crafts.values()):
        return False
    return ANCHOR in _points(setting(run), *_scored(run))


def families(run: Run) -> tuple[list[str], list[Family]]:
    """Return the pictures that every operating point has scores of, and all families on them.

    Operating points without any score are left out; see `left_out`.
    """
    suite = setting(run)
    shared, groups = _scored(run)
    points = _points(suite, shared, groups)
    titles = names({key: [point.label for point in group] for key, group in points.items()})
    return shared, [_family(key, titles[key], group, suite) for key, group in points.items()]


def left_out(run: Run) -> list[str]:
    """Return the labels of the operating points that have scores of no picture."""
    suite, (_, groups) = setting(run), _scored(run)
    return [label for label in suite.choices if label not in {*groups, *suite.references}]


def deltas(anchor: Family, family: Family) -> list[Delta]:
    """Return the BD-rate in each quality, in the order of `QUALITIES`."""
    return [_delta(_curve(anchor, one), _curve(family, one)) for one in QUALITIES.values()]


def _delta(anchor: Curve, curve: Curve) -> Delta:
    if any(isnan(point.psnr) for point in (*anchor, *curve)):
        return Delta(None, "not measured")
    return bd_rate(anchor, curve)


def _scored(run: Run) -> tuple[list[str], dict[str, CellGroup]]:
    """Return the operating points with scores, and the pictures that all of them have."""
    suite = setting(run)
    by_budget, budget = cases(run, suite), str(suite.balls[0])
    labels = (label for label in suite.choices if label not in suite.references)
    known = {label: by_budget.get((label, budget)) for label in labels}
    groups = {label: group for label, group in known.items() if group and group.clean}
    pictures = run.manifest.pictures if groups else ()
    shared = [name for name in pictures if all(name in group.clean for group in groups.values())]
    return shared, groups


def _points(
    suite: SuiteInfo, shared: Sequence[str], groups: Mapping[str, CellGroup]
) -> dict[str, list[Reached]]:
    """Return the operating points of each family; none without a picture that all have."""
    points: dict[str, list[Reached]] = defaultdict(list)
    for label, group in groups.items() if shared else ():
        points[family_key(suite.choices[label])].append(_reached(label, group, shared))
    return points


def _curve(family: Family, quality: Quality) -> Curve:
    return tuple(Point(point.label, point.bpp, quality(point)) for point in family.points)


def _reached(label: str, case: CellGroup, pictures: Sequence[str]) -> Reached:
    scores = [case.clean[name] for name in pictures]
    ms_ssim = [score.ms_ssim_clean for score in scores if score.ms_ssim_clean is not None]
    pixels = sum(8 * score.bytes / score.bpp for score in scores)
    timing = case.timing
    return Reached(
        label=label,
        bpp=fmean(score.bpp_clean for score in scores),
        psnr=fmean(score.psnr_clean for score in scores),
        luma_psnr=fmean(psnr_of(score.luma_mse_clean) for score in scores),
        ms_ssim=fmean(ms_ssim) if len(ms_ssim) == len(scores) else None,
        encoding=None if timing is None else timing.encoding_s_mp,
        decoding=None if timing is None else timing.decoding_s_mp,
        pixels=pixels / len(scores),
        memory=(_megabytes(case, pictures, 0), _megabytes(case, pictures, 1)),
    )


def _megabytes(case: CellGroup, pictures: Sequence[str], side: int) -> float | None:
    known = [size for name in pictures if (size := case.peaks[name][side]) is not None]
    return max(known) / 1e6 if known else None


def _family(key: str, name: str, group: Sequence[Reached], suite: SuiteInfo) -> Family:
    points = tuple(sorted(group, key=lambda point: point.bpp))
    return Family(key, name, points, _flat(suite.choices[points[0].label], points[0].pixels))


def _flat(choice: ComponentSpec, pixels: float) -> int | None:
    side = round(pixels**0.5)
    grey = np.full((side, side, 3), 128, np.uint8)
    coded = encode_decode(LocalCoder(make_codec(choice)), grey)
    return None if isinstance(coded, CodingFailure) else len(coded.bitstream)
