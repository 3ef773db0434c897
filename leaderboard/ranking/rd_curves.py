"""Rate-distortion curves of a family, clean and under attack, and Bjøntegaard differences.

    member x objective --worst picture of each source--> (bpp, PSNR), both of that one picture
    two curves         --bjontegaard, PCHIP-->   BD-rate in per cent, BD-PSNR in dB

A Bjøntegaard difference needs at least four points on each curve, a PSNR that rises with the rate
on both, and ranges that share at least half of their union. Otherwise there is a reason instead.

The interpolation must not overshoot. Under attack, a curve often saturates: large steps of the rate
with small steps of the PSNR. There, splines (also Akima's) leave the range of the points by orders
of magnitude. PCHIP is monotone, so a difference is never larger than the points allow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from math import floor
from statistics import fmean

import numpy as np

from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.families import Family, FamilyMember, common_threats
from leaderboard.aggregate.flags import ObjectiveValue
from leaderboard.aggregate.threats import ATTACKS
from leaderboard.aggregate.worst_case import by_picture

LEAST_POINTS = 4
LEAST_OVERLAP = 0.5
_ROUNDING = 1e-9
"""Relative tolerance of a difference against what the curves allow."""


@dataclass(frozen=True)
class Point:
    """One operating point on a curve, mean over the pictures that all points of the curve have.

    Attributes:
        codec: label of the operating point.
        bpp: bits per pixel.
        psnr: in dB, against the source pictures.
        ms_ssim: against the source pictures; None if a picture has none.
        encoding: seconds per picture.
        decoding: seconds per picture.
    """

    codec: str
    bpp: float
    psnr: float
    ms_ssim: float | None = None
    encoding: float = 0.0
    decoding: float = 0.0


Curve = tuple[Point, ...]
"""Points in the order of the rate."""


@dataclass(frozen=True)
class Delta:
    """A Bjøntegaard difference, or the reason why there is none.

    Attributes:
        value: in per cent (rate) or dB (PSNR); None if there is none.
        reason: why there is none.
    """

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Curves:
    """Curves of a family under one objective at one budget.

    Attributes:
        family: name of the family.
        objective: objective of the attacks.
        through_gradients: whether the family was attacked through its own gradients.
        clean: the clean curve, over the same pictures as the attacked one.
        attacked: the curve under all attacks.
        psnr: BD-PSNR from clean to attacked, in dB.
        rate: BD-rate from clean to attacked, in per cent.
        to_baseline: BD-rate from VVC under attack to this family under attack.
        to_baseline_alike: the same under the attacks without gradients that both were scored on.
    """

    family: str
    objective: str
    through_gradients: bool
    clean: Curve
    attacked: Curve
    psnr: Delta
    rate: Delta
    to_baseline: Delta
    to_baseline_alike: Delta


@dataclass(frozen=True)
class _Objective:
    """An objective: its label and its measured value."""

    label: str
    value: ObjectiveValue


_Member = tuple[FamilyMember, Mapping[str, ScoredAttack]]
"""An operating point and its worst adversarial picture of each source picture."""


def curves(
    families: Iterable[Family], values: Mapping[str, ObjectiveValue], baseline: Family | None
) -> list[Curves]:
    """Return the curves of every family under every objective that an attack had.

    Args:
        families: the families of one budget.
        values: the measured value of each objective, by label.
        baseline: VVC.
    """
    objectives = [_Objective(*item) for item in values.items()]
    return [
        _curves(family, objective, baseline)
        for family in families
        for objective in objectives
        if _curve(family, ATTACKS, objective)[1]
    ]


def _curves(family: Family, objective: _Objective, baseline: Family | None) -> Curves:
    clean, attacked = _curve(family, ATTACKS, objective)
    against = partial(_against, family, baseline, objective=objective)
    return Curves(
        family=family.name,
        objective=objective.label,
        through_gradients=family.through_gradients,
        clean=clean,
        attacked=attacked,
        psnr=bd_psnr(clean, attacked),
        rate=bd_rate(clean, attacked),
        to_baseline=against(ATTACKS),
        to_baseline_alike=against(common_threats((family, *filter(None, [baseline])))),
    )


def _against(
    family: Family, baseline: Family | None, threats: Sequence[str], *, objective: _Objective
) -> Delta:
    """Return the BD-rate of a family against VVC, both under some threats."""
    if baseline is None:
        return Delta(None, "no VVC")
    if family == baseline:
        return Delta(None, "it is VVC")
    both = [_worst_of(one, threats, objective) for one in (baseline, family)]
    pictures = _shared(chain(*both))
    anchor, other = (_drawn(worst, pictures)[1] for worst in both)
    return bd_rate(anchor, other)


def bd_rate(anchor: Curve, other: Curve) -> Delta:
    """Return how many per cent more bits the other curve needs at equal PSNR."""
    if reason := _unfit(anchor, other, lambda point: point.psnr):
        return Delta(None, reason)
    least, most = (
        100 * (ours.bpp / theirs.bpp - 1)
        for ours, theirs in ((other[0], anchor[-1]), (other[-1], anchor[0]))
    )
    return _bjontegaard("bd_rate", anchor, other, (least, most))


def bd_psnr(anchor: Curve, other: Curve) -> Delta:
    """Return by how many dB the other curve is higher at equal rate."""
    if reason := _unfit(anchor, other, lambda point: float(np.log10(point.bpp))):
        return Delta(None, reason)
    allowed = other[0].psnr - anchor[-1].psnr, other[-1].psnr - anchor[0].psnr
    return _bjontegaard("bd_psnr", anchor, other, allowed)


def _bjontegaard(name: str, anchor: Curve, other: Curve, allowed: tuple[float, float]) -> Delta:
    """Return a difference; none if it is not finite or not between the two that are allowed."""
    import bjontegaard  # noqa: PLC0415 - imports pyplot, which takes a second

    coordinates = [
        [getattr(point, axis) for point in curve]
        for curve in (anchor, other)
        for axis in ("bpp", "psnr")
    ]
    function = getattr(bjontegaard, name)
    settings = {"method": "pchip", "require_matching_points": False, "min_overlap": LEAST_OVERLAP}
    with np.errstate(all="ignore"):
        value = float(function(*coordinates, **settings))
    (least, most), slack = allowed, _ROUNDING * (1 + abs(value))
    if not np.isfinite(value) or not least - slack <= value <= most + slack:
        return Delta(None, "not finite, or beyond what the curves allow")
    return Delta(value)


def _unfit(anchor: Curve, other: Curve, base: Callable[[Point], float]) -> str:
    """Return why two curves cannot be compared over a range, or an empty string."""
    fewest = min(len(anchor), len(other))
    if fewest < LEAST_POINTS:
        return f"{fewest} point{'s' * (fewest != 1)}, {LEAST_POINTS} needed"
    if not (_is_rising(anchor) and _is_rising(other)):
        return "PSNR does not rise with the rate"
    spans = [sorted((base(curve[0]), base(curve[-1]))) for curve in (anchor, other)]
    (low, high), (other_low, other_high) = spans
    shared = max(0.0, min(high, other_high) - max(low, other_low))
    overlap = shared / (max(high, other_high) - min(low, other_low))
    if overlap < LEAST_OVERLAP:
        return f"{floor(1000 * overlap) / 10:g} % overlap, {100 * LEAST_OVERLAP:.0f} % needed"
    return ""


def _is_rising(curve: Curve) -> bool:
    finite = all(np.isfinite(point.psnr) for point in curve)
    return finite and all(
        first.bpp < then.bpp and first.psnr < then.psnr for first, then in pairwise(curve)
    )


def _curve(family: Family, threats: Sequence[str], objective: _Objective) -> tuple[Curve, Curve]:
    """Return the clean and the attacked curve, over the pictures that all members have."""
    worst = _worst_of(family, threats, objective)
    return _drawn(worst, _shared(worst))


def _worst_of(family: Family, threats: Sequence[str], objective: _Objective) -> list[_Member]:
    """Return the members that have scores, each with its worst pictures."""
    both = ((member, _worst(member, threats, objective)) for member in family.members)
    return [(member, worst) for member, worst in both if worst]


def _shared(members: Iterable[_Member]) -> set[str]:
    """Return the pictures that all of some members have."""
    names = [set(worst) for _, worst in members]
    return set.intersection(*names) if names else set()


def _drawn(members: Iterable[_Member], pictures: Collection[str]) -> tuple[Curve, Curve]:
    points = [_points(*member, pictures) for member in members] if pictures else []
    clean, attacked = ([pair[side] for pair in points] for side in (0, 1))
    return in_order(clean), in_order(attacked)


def in_order(points: Iterable[Point]) -> Curve:
    """Return points as a curve, by their rate."""
    return tuple(sorted(points, key=lambda point: point.bpp))


def _points(
    member: FamilyMember, worst: Mapping[str, ScoredAttack], pictures: Collection[str]
) -> tuple[Point, Point]:
    label = member.row.place.codec
    clean = [member.case.clean[picture] for picture in pictures]
    attacked = [worst[picture] for picture in pictures]
    before = [(score.bpp_clean, score.psnr_clean, score.ms_ssim_clean) for score in clean]
    scores = [attack.scores for attack in attacked]
    after = [(score.bpp, score.psnr_source, score.ms_ssim_source) for score in scores]
    return (
        _point(label, before, [member.case.seconds[picture] for picture in pictures]),
        _point(label, after, [attack.seconds for attack in attacked]),
    )


def _point(
    label: str,
    scores: Sequence[tuple[float, float, float | None]],
    seconds: Sequence[tuple[float, float]],
) -> Point:
    bpp, psnr, ms_ssim = zip(*scores, strict=True)
    encoding, decoding = zip(*seconds, strict=True)
    mean = None if None in ms_ssim else fmean(ms_ssim)
    return Point(label, fmean(bpp), fmean(psnr), mean, fmean(encoding), fmean(decoding))


def _worst(
    member: FamilyMember, threats: Sequence[str], objective: _Objective
) -> dict[str, ScoredAttack]:
    """Return, for each source picture, the attack with the highest value of the objective."""
    attacks = (one for one in member.case.of(*threats) if one.craft.objective == objective.label)
    groups = by_picture(attacks)
    return {
        picture: max(groups[picture], key=lambda attack: objective.value(attack.scores))
        for picture in member.case.clean
        if picture in groups
    }
