"""What every codec takes for what quality, unattacked: operating points and families of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from statistics import fmean

import numpy as np

from bench.codec import Codec
from bench.metrics.scores import psnr_of
from bench.registry.registry import instantiate
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.families import family_key, names
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.ranking.rd_curves import Delta, Point, bd_rate

ANCHOR = "vvc"
"""Key of the family that others are compared with: VVC at its default preset."""


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


Quality = Callable[[Reached], float]

QUALITIES: dict[str, Quality] = {
    "PSNR, dB": lambda point: point.psnr,
    "luma PSNR, dB": lambda point: point.luma_psnr,
    "MS-SSIM, dB": lambda point: nan if point.ms_ssim is None else psnr_of(1 - point.ms_ssim),
}


def is_of_rates(run: Run) -> bool:
    """Tell whether a run has VVC, and nothing in it was attacked but by noise."""
    keys = map(family_key, setting(run).choices.values())
    return ANCHOR in keys and not any(craft.sources for craft in run.crafts.values())


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
    called = names({key: [one.label for one in group] for key, group in groups.items()})
    return shared, [_family(key, called[key], group, told) for key, group in groups.items()]


def deltas(anchor: Family, family: Family) -> list[Delta]:
    """Return the BD-rates by each quality, in the order of `QUALITIES`."""
    return [
        bd_rate(*(_curve(one, quality) for one in (anchor, family)))
        for quality in QUALITIES.values()
    ]


def _curve(family: Family, quality: Quality) -> tuple[Point, ...]:
    return tuple(Point(point.label, point.bpp, quality(point)) for point in family.points)


def _reached(label: str, case: CellGroup, pictures: Sequence[str]) -> Reached:
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


def _megabytes(case: CellGroup, pictures: Sequence[str], side: int) -> float | None:
    known = [size for name in pictures if (size := case.peaks[name][side]) is not None]
    return max(known) / 1e6 if known else None


def _family(key: str, name: str, group: Sequence[Reached], told: SuiteInfo) -> Family:
    points = tuple(sorted(group, key=lambda point: point.bpp))
    codec: Codec = instantiate("codec", told.choices[points[0].label])
    side = round(points[0].pixels ** 0.5)
    flat = codec.encode(np.full((side, side, 3), 128, np.uint8))
    return Family(key, name, points, len(flat))
