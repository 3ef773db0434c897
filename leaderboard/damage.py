"""What attacked pictures did to one operating point: the worst case per picture, then the mean.

{picture: [scores under each attack]} --worst of each picture--> mean over the pictures
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

from leaderboard.cells import Scored


@dataclass(frozen=True)
class Damage:
    """The worst case of each picture, averaged over the pictures.

    "At the worst picture" is where the PSNR against the source is lowest. Of drop and VI the mean
    is over the pictures that have one, None if none has.

    Attributes:
        psnr: against the source picture, in dB; the worst of each picture, mean.
        drop_db: below the clean PSNR, in dB, there.
        drop_percent: that, in per cent of the clean PSNR, there.
        bpp_factor: bitstream by that of the clean picture; the worst of each, geometric mean.
        rd_factor: R-D cost by that of the clean picture; the worst of each, geometric mean.
        psnr_perturbation: of the attacked and the source picture, in dB, at the worst picture;
            failures left out.
        vi: how much the codec amplified the change, in dB, at the worst picture.
        unexplained: share of the pictures, 0 to 1, hurt more than their change explains.
        psnr_by: the search that found most of the lowest PSNRs.
        rate_by: the search that found most of the largest bitstreams.
    """

    psnr: float
    drop_db: float | None
    drop_percent: float | None
    bpp_factor: float
    rd_factor: float
    psnr_perturbation: float | None
    vi: float | None
    unexplained: float
    psnr_by: str
    rate_by: str


def damage(found: Iterable[Scored], pictures: Collection[str]) -> Damage | None:
    """Return what attacked pictures did, or None if there are none.

    Args:
        found: any number of attacked pictures made from each source picture.
        pictures: names of the source pictures that count.
    """
    groups = _by_picture(found, pictures)
    if not groups:
        return None
    lowest = [min(group, key=lambda one: one.scores.psnr_source) for group in groups]
    longest = _largest(groups, lambda one: one.scores.bpp_factor)
    dearest = _largest(groups, lambda one: one.scores.rd_factor)
    return Damage(
        psnr=fmean(one.scores.psnr_source for one in lowest),
        drop_db=_mean(one.scores.drop_db for one in lowest),
        drop_percent=_mean(one.scores.drop_percent for one in lowest),
        bpp_factor=geometric_mean([one.scores.bpp_factor for one in longest]),
        rd_factor=geometric_mean([one.scores.rd_factor for one in dearest]),
        psnr_perturbation=_mean(
            None if one.failed else one.scores.psnr_perturbation for one in lowest
        ),
        vi=_mean(one.scores.vi for one in lowest),
        unexplained=fmean(one.scores.unexplained for one in lowest),
        psnr_by=_finder(lowest),
        rate_by=_finder(longest),
    )


@dataclass(frozen=True)
class Gain:
    """What attacks did beyond noise at the same budget, on the same pictures.

    Attributes:
        drop_db: by how many dB the mean PSNR is lower; None if both came back unchanged.
        bpp_factor: ratio of the rate factors.
        rd_factor: ratio of the R-D cost factors.
    """

    drop_db: float | None
    bpp_factor: float
    rd_factor: float


def gain(attack: Damage | None, noise: Damage | None) -> Gain | None:
    """Return what an attack did beyond noise, or None if one of them is missing."""
    if attack is None or noise is None:
        return None
    unchanged = math.isinf(noise.psnr) and math.isinf(attack.psnr)
    return Gain(
        drop_db=None if unchanged else noise.psnr - attack.psnr,
        bpp_factor=attack.bpp_factor / noise.bpp_factor,
        rd_factor=attack.rd_factor / noise.rd_factor,
    )


def _by_picture(found: Iterable[Scored], pictures: Collection[str]) -> list[list[Scored]]:
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in found:
        if one.picture in pictures:
            groups[one.picture].append(one)
    return list(groups.values())


def _largest(groups: Sequence[list[Scored]], score: Callable[[Scored], float]) -> list[Scored]:
    return [max(group, key=score) for group in groups]


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None


def _finder(worst: Sequence[Scored]) -> str:
    """Return the commonest search of some, with how often it was the one, if not always."""
    (name, count), *others = Counter(_search(one) for one in worst).most_common()
    return f"{name} ({count}/{len(worst)})" if others else name


def _search(one: Scored) -> str:
    wanted = f", {one.craft.objective}" if one.craft.objective else ""
    through = f", on {' and '.join(one.craft.sources)}" if one.threat == "transfer" else ""
    return f"{one.craft.attack}{wanted}{through}"
