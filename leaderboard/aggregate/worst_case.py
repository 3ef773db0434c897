"""What attacked pictures did to one operating point: the worst case per picture, then the mean.

{picture: [scores under each attack]} --worst of each picture--> estimates over the pictures
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

from bench.metrics.scores import psnr_of
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import Estimate, geometric_mean, mean
from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.extra_metrics import MetricColumn, gauges


@dataclass(frozen=True)
class WorstByPicture:
    """The worst case of one picture, each figure under the attack that made it worst.

    Attributes:
        psnr: against the source picture, in dB.
        bpp_factor: bitstream by that of the clean picture.
        rd_factor: R-D cost by that of the clean picture.
    """

    psnr: float
    bpp_factor: float
    rd_factor: float


@dataclass(frozen=True)
class WorstCase:
    """The worst case of each picture, and its mean over the pictures.

    "There" is under the attack where the PSNR against the source is lowest. Where some pictures
    have no such figure the mean is over those that have one; None if none has.

    Attributes:
        worst: by name of the picture.
        psnr: against the source picture, in dB.
        luma_psnr: of the luma alone, its own worst case.
        ms_ssim: against the source picture, its own worst case.
        vmaf: likewise.
        drop_db: below the clean PSNR, in dB, there.
        drop_percent: that, in per cent of the clean PSNR, there.
        bpp_factor: bitstream by that of the clean picture; geometric mean.
        rd_factor: R-D cost by that of the clean picture; geometric mean.
        psnr_perturbation: of the attacked and the source picture, in dB, there; failures left out.
        vi: how much the codec amplified the change, in dB, there.
        beyond_change: by how many dB the error is above the codec's own and that of the change
            together, there: 0 for a codec that keeps the change faithfully, as a lossless one does.
        unexplained: share of the pictures, 0 to 1, where that is above 0.
        extra: what the suite's own metrics say, each in its own worst case.
        psnr_by: the search that found most of the lowest PSNRs.
        rate_by: the search that found most of the largest bitstreams.
    """

    worst: dict[str, WorstByPicture]
    psnr: Estimate | None
    luma_psnr: Estimate | None
    ms_ssim: Estimate | None
    vmaf: Estimate | None
    drop_db: Estimate | None
    drop_percent: Estimate | None
    bpp_factor: Estimate | None
    rd_factor: Estimate | None
    psnr_perturbation: Estimate | None
    vi: Estimate | None
    beyond_change: Estimate | None
    unexplained: float
    extra: dict[MetricColumn, Estimate | None]
    psnr_by: str
    rate_by: str


def damage(found: Iterable[ScoredAttack], pictures: Collection[str]) -> WorstCase | None:
    """Return what attacked pictures did, or None if there are none.

    Args:
        found: any number of attacked pictures made from each source picture.
        pictures: names of the source pictures that count, in the order of the draws.
    """
    groups = _by_picture(found, pictures)
    if not groups:
        return None
    lowest = [min(group, key=lambda one: one.scores.psnr_source) for group in groups]
    longest = [max(group, key=lambda one: one.scores.bpp_factor) for group in groups]
    dearest = [max(group, key=lambda one: one.scores.rd_factor) for group in groups]
    there = [one.scores for one in lowest]
    return WorstCase(
        worst={
            low.picture: WorstByPicture(
                low.scores.psnr_source, long.scores.bpp_factor, dear.scores.rd_factor
            )
            for low, long, dear in zip(lowest, longest, dearest, strict=True)
        },
        psnr=mean(one.psnr_source for one in there),
        luma_psnr=_lowest(groups, lambda scores: psnr_of(scores.luma_mse_source)),
        ms_ssim=_lowest(groups, lambda scores: scores.ms_ssim_source),
        vmaf=_lowest(groups, lambda scores: scores.vmaf_source),
        drop_db=mean(one.drop_db for one in there),
        drop_percent=mean(one.drop_percent for one in there),
        bpp_factor=geometric_mean(one.scores.bpp_factor for one in longest),
        rd_factor=geometric_mean(one.scores.rd_factor for one in dearest),
        psnr_perturbation=mean(
            None if one.failed else one.scores.psnr_perturbation for one in lowest
        ),
        vi=mean(one.vi for one in there),
        beyond_change=mean(_beyond_change(one) for one in there),
        unexplained=fmean(one.unexplained for one in there),
        extra={told: _worst(groups, told) for told in gauges(one.scores for one in chain(*groups))},
        psnr_by=_finder(lowest),
        rate_by=_finder(longest),
    )


@dataclass(frozen=True)
class GainOverBaseline:
    """What attacks did beyond something else on the same pictures, paired picture by picture.

    Attributes:
        drop_db: by how many dB the PSNR is lower; None if all came back unchanged from both.
        bpp_factor: ratio of the rate factors, geometric mean.
        rd_factor: ratio of the R-D cost factors, geometric mean.
    """

    drop_db: Estimate | None
    bpp_factor: Estimate | None
    rd_factor: Estimate | None


def gain(attack: WorstCase | None, other: WorstCase | None) -> GainOverBaseline | None:
    """Return what an attack did beyond something else, or None if one of them is missing."""
    if attack is None or other is None:
        return None
    both = [name for name in attack.worst if name in other.worst]
    pairs = [(attack.worst[name], other.worst[name]) for name in both]
    return GainOverBaseline(
        drop_db=mean(_less(theirs.psnr, ours.psnr) for ours, theirs in pairs),
        bpp_factor=geometric_mean(ours.bpp_factor / theirs.bpp_factor for ours, theirs in pairs),
        rd_factor=geometric_mean(ours.rd_factor / theirs.rd_factor for ours, theirs in pairs),
    )


def by_picture(found: Iterable[ScoredAttack]) -> dict[str, list[ScoredAttack]]:
    """Return attacked pictures by the name of their source."""
    groups: dict[str, list[ScoredAttack]] = defaultdict(list)
    for one in found:
        groups[one.picture].append(one)
    return groups


def _by_picture(
    found: Iterable[ScoredAttack], pictures: Collection[str]
) -> list[list[ScoredAttack]]:
    groups = by_picture(found)
    return [groups[picture] for picture in pictures if picture in groups]


def _lowest(
    groups: Sequence[list[ScoredAttack]], score: Callable[[Scores], float | None]
) -> Estimate | None:
    found = ([score(one.scores) for one in group] for group in groups)
    return mean(min((value for value in one if value is not None), default=None) for one in found)


def _worst(groups: Sequence[list[ScoredAttack]], told: MetricColumn) -> Estimate | None:
    found = ([told.attacked(one.scores) for one in group] for group in groups)
    return mean(told.worst(value for value in one if value is not None) for one in found)


def _less(theirs: float, ours: float) -> float | None:
    return None if math.isinf(theirs) and math.isinf(ours) else theirs - ours


def _beyond_change(scores: Scores) -> float | None:
    """Return by how many dB the error is above the codec's own and that of the change together."""
    explained = scores.mse_clean + scores.mse_perturbation
    if explained == 0 or scores.mse_source == 0:
        return None
    return psnr_of(explained) - psnr_of(scores.mse_source)


def _finder(worst: Sequence[ScoredAttack]) -> str:
    """Return the commonest search of some, with how often it was the one, if not always."""
    (name, count), *others = Counter(search_in_words(one) for one in worst).most_common()
    return f"{name} ({count}/{len(worst)})" if others else name


def search_in_words(one: ScoredAttack) -> str:
    """Return which search made a picture: attack, objective and, of others' pictures, codec."""
    wanted = f", {one.craft.objective}" if one.craft.objective else ""
    elsewhere = one.threat == "transfer" or len(one.craft.sources) > 1
    through = f", on {' and '.join(one.craft.sources)}" if elsewhere else ""
    return f"{one.craft.attack}{wanted}{through}"
