"""The effect of adversarial pictures on one operating point: worst case per picture, then the mean.

{picture: [scores under each attack]} --worst of each picture--> estimates over the pictures

Every attack, objective and start counts by itself: the worst of them all is the worst case.
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
from leaderboard.aggregate.bootstrap import Estimate, Sampled, geometric_mean, mean
from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.extra_metrics import MetricColumn, metric_columns
from leaderboard.aggregate.starts import Worst, worst


@dataclass(frozen=True)
class WorstByPicture:
    """The worst case of one picture; each figure is under the attack that is worst in it.

    Attributes:
        psnr: against the source picture, in dB.
        bpp_factor: rate as a multiple of the clean rate.
        rd_factor: R-D cost as a multiple of the clean R-D cost.
    """

    psnr: Sampled
    bpp_factor: Sampled
    rd_factor: Sampled


@dataclass(frozen=True)
class WorstCase:
    """The worst case of each picture, and its mean over the pictures.

    "At the lowest PSNR" means under the attack with the lowest PSNR against the source picture.
    Where some pictures have no value, the mean is over the others; None if no picture has one.

    Attributes:
        worst: the worst case of each picture, by name.
        psnr: against the source picture, in dB.
        luma_psnr: PSNR of the luma, in its own worst case.
        ms_ssim: against the source picture, in its own worst case.
        vmaf: against the source picture, in its own worst case.
        drop_db: PSNR drop from the clean PSNR in dB, at the lowest PSNR.
        drop_percent: that drop in per cent of the clean PSNR.
        bpp_factor: rate as a multiple of the clean rate; geometric mean.
        rd_factor: R-D cost as a multiple of the clean R-D cost; geometric mean.
        psnr_perturbation: PSNR of the adversarial picture against the source picture in dB, at the
            lowest PSNR; failures are left out.
        vi: amplification of the perturbation by the codec in dB, at the lowest PSNR.
        beyond_change: excess of the error over the codec's own error plus the perturbation in dB,
            at the lowest PSNR; 0 for a lossless codec.
        unexplained: share of the pictures, 0 to 1, whose excess is above 0.
        extra: the metrics that the suite names, each in its own worst case.
        psnr_by: the search that found most of the lowest PSNRs.
        rate_by: the search that found most of the highest rates.
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


@dataclass(frozen=True)
class _Extremes:
    """The adversarial pictures of each source picture, and the worst of them in three senses.

    Attributes:
        groups: all of them, one list per source picture.
        lowest: those with the lowest PSNR, one per source picture.
        longest: those with the highest rate.
        dearest: those with the highest R-D cost.
    """

    groups: list[list[ScoredAttack]]
    lowest: list[Worst]
    longest: list[Worst]
    dearest: list[Worst]

    def at_lowest(self, value: Callable[[Scores], float | None]) -> Estimate | None:
        """Return the mean of a value at the lowest PSNR."""
        return mean(one.sampled(lambda attack: value(attack.scores)) for one in self.lowest)


def worst_case(attacks: Iterable[ScoredAttack], pictures: Collection[str]) -> WorstCase | None:
    """Return the worst case of some attacks, or None if there are none.

    Args:
        attacks: any number of adversarial pictures per source picture.
        pictures: names of the source pictures that count, in the order of the resamples.
    """
    known = by_picture(attacks)
    groups = [known[picture] for picture in pictures if picture in known]
    if not groups:
        return None
    extremes = _Extremes(
        groups,
        lowest=[worst(group, lambda attack: -attack.scores.psnr_source) for group in groups],
        longest=[worst(group, _rate_factor) for group in groups],
        dearest=[worst(group, _cost_factor) for group in groups],
    )
    return _summary(extremes)


def _summary(extremes: _Extremes) -> WorstCase:
    groups, at_lowest = extremes.groups, extremes.at_lowest
    metrics = metric_columns(attack.scores for attack in chain(*groups))
    return WorstCase(
        worst=_by_picture(extremes),
        psnr=at_lowest(lambda score: score.psnr_source),
        luma_psnr=_lowest(groups, lambda score: psnr_of(score.luma_mse_source)),
        ms_ssim=_lowest(groups, lambda score: score.ms_ssim_source),
        vmaf=_lowest(groups, lambda score: score.vmaf_source),
        drop_db=at_lowest(lambda score: score.drop_db),
        drop_percent=at_lowest(lambda score: score.drop_percent),
        bpp_factor=geometric_mean(one.sampled(_rate_factor) for one in extremes.longest),
        rd_factor=geometric_mean(one.sampled(_cost_factor) for one in extremes.dearest),
        psnr_perturbation=mean(one.sampled(_psnr_perturbation) for one in extremes.lowest),
        vi=at_lowest(lambda score: score.vi),
        beyond_change=at_lowest(_excess),
        unexplained=fmean(one.attack.scores.unexplained for one in extremes.lowest),
        extra={metric: _worst_of_metric(groups, metric) for metric in metrics},
        psnr_by=_finder(extremes.lowest),
        rate_by=_finder(extremes.longest),
    )


def _by_picture(extremes: _Extremes) -> dict[str, WorstByPicture]:
    """Return the three worst figures of each picture, by its name."""
    triples = zip(extremes.lowest, extremes.longest, extremes.dearest, strict=True)
    return {low.attack.picture: _figures(low, long, dear) for low, long, dear in triples}


def _figures(lowest: Worst, longest: Worst, dearest: Worst) -> WorstByPicture:
    return WorstByPicture(
        psnr=lowest.of(lambda attack: attack.scores.psnr_source),
        bpp_factor=longest.of(_rate_factor),
        rd_factor=dearest.of(_cost_factor),
    )


@dataclass(frozen=True)
class GainOverBaseline:
    """Excess of attacks over a baseline on the same pictures, paired picture by picture.

    Intervals resample the starts of the attacks; the baseline of a picture is its worst case.

    Attributes:
        drop_db: PSNR of the baseline less PSNR under attack in dB; None if both are lossless on
            every picture.
        bpp_factor: ratio of the rate factors, geometric mean.
        rd_factor: ratio of the R-D cost factors, geometric mean.
    """

    drop_db: Estimate | None
    bpp_factor: Estimate | None
    rd_factor: Estimate | None


def excess_over(baseline: WorstCase | None, attack: WorstCase | None) -> GainOverBaseline | None:
    """Return the excess of an attack over a baseline, or None if one of them is missing."""
    if attack is None or baseline is None:
        return None
    both = [name for name in attack.worst if name in baseline.worst]
    pairs = [(attack.worst[name], baseline.worst[name]) for name in both]
    return GainOverBaseline(
        drop_db=mean(_difference(base.psnr.value, ours.psnr) for ours, base in pairs),
        bpp_factor=geometric_mean(
            _quotient(ours.bpp_factor, base.bpp_factor) for ours, base in pairs
        ),
        rd_factor=geometric_mean(_quotient(ours.rd_factor, base.rd_factor) for ours, base in pairs),
    )


def by_picture(attacks: Iterable[ScoredAttack]) -> dict[str, list[ScoredAttack]]:
    """Return adversarial pictures by the name of their source picture."""
    groups: dict[str, list[ScoredAttack]] = defaultdict(list)
    for attack in attacks:
        groups[attack.picture].append(attack)
    return groups


def search_in_words(attack: ScoredAttack) -> str:
    """Return the search that found a picture: attack, objective and source codec if another."""
    objective = f", {attack.craft.objective}" if attack.craft.objective else ""
    is_elsewhere = attack.threat == "transfer" or len(attack.craft.sources) > 1
    source = f", on {' and '.join(attack.craft.sources)}" if is_elsewhere else ""
    return f"{attack.craft.attack}{objective}{source}"


def _lowest(
    groups: Sequence[list[ScoredAttack]], score: Callable[[Scores], float | None]
) -> Estimate | None:
    return mean(_extreme(group, score, sign=-1) for group in groups)


def _worst_of_metric(groups: Sequence[list[ScoredAttack]], metric: MetricColumn) -> Estimate | None:
    sign = -1 if metric.better == "higher" else 1
    return mean(_extreme(group, metric.attacked, sign=sign) for group in groups)


def _extreme(
    group: Sequence[ScoredAttack], score: Callable[[Scores], float | None], *, sign: int
) -> Sampled | None:
    """Return the largest value of a picture, or the smallest for the sign -1; None without one."""
    values = [(attack, score(attack.scores)) for attack in group]
    known = {id(attack): sign * value for attack, value in values if value is not None}
    attacks = [attack for attack, value in values if value is not None]
    if not attacks:
        return None
    most = worst(attacks, lambda attack: known[id(attack)])
    return most.of(lambda attack: sign * known[id(attack)])


def _psnr_perturbation(attack: ScoredAttack) -> float | None:
    return None if attack.failed else attack.scores.psnr_perturbation


def _rate_factor(attack: ScoredAttack) -> float:
    return attack.scores.bpp_factor


def _cost_factor(attack: ScoredAttack) -> float:
    return attack.scores.rd_factor


def _difference(baseline: float, attacked: Sampled) -> Sampled | None:
    both_lossless = math.isinf(baseline) and math.isinf(attacked.value)
    return None if both_lossless else attacked.map(lambda value: baseline - value)


def _quotient(attacked: Sampled, baseline: Sampled) -> Sampled:
    return attacked.map(lambda value: value / baseline.value)


def _excess(scores: Scores) -> float | None:
    """Return the excess of the error over the codec's own error plus the perturbation, in dB."""
    explained = scores.mse_clean + scores.mse_perturbation
    if explained == 0 or scores.mse_source == 0:
        return None
    return psnr_of(explained) - psnr_of(scores.mse_source)


def _finder(worst: Sequence[Worst]) -> str:
    """Return the most frequent search, with its count unless it found all."""
    (name, count), *others = Counter(search_in_words(one.attack) for one in worst).most_common()
    return f"{name} ({count}/{len(worst)})" if others else name
