"""Rate-distortion curves of a family, clean and attacked, and what lies between two of them.

    member x objective --worst picture of each source--> (bpp, PSNR), both of that one picture
    curves of two      --bjontegaard, Akima splines-->   BD-rate in per cent, BD-PSNR in dB

A figure needs at least four points on either curve, PSNR that rises with the rate on both, and
ranges that share half of what they cover together. Otherwise there is none, and a reason.
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
from leaderboard.aggregate.families import Family, FamilyMember, alike
from leaderboard.aggregate.flags import Aim
from leaderboard.aggregate.threats import ATTACKS
from leaderboard.aggregate.worst_case import by_picture

LEAST_POINTS = 4
LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class Point:
    """One operating point on a curve, mean over the pictures that all points of it have.

    Attributes:
        codec: its label.
        bpp: bits per pixel.
        psnr: in dB, against the source pictures.
        ms_ssim: likewise; None if a picture has none.
        encoding: seconds a picture.
        decoding: seconds a picture.
    """

    codec: str
    bpp: float
    psnr: float
    ms_ssim: float | None = None
    encoding: float = 0.0
    decoding: float = 0.0


Curve = tuple[Point, ...]
"""In the order of the rate."""


@dataclass(frozen=True)
class Delta:
    """A Bjøntegaard difference, or why there is none.

    Attributes:
        value: in per cent (rate) or dB (PSNR); None if there is none.
        reason: why.
    """

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Curves:
    """What an objective did to a family at one budget.

    Attributes:
        family: its name.
        objective: what the attacks wanted.
        through_gradients: whether they followed the family's own gradients.
        clean: the curve without an attack, over the same pictures as the next.
        attacked: with every attack.
        psnr: BD-PSNR from clean to attacked, in dB.
        rate: BD-rate from clean to attacked, in per cent.
        to_baseline: BD-rate from VVC attacked to this attacked.
        to_baseline_alike: likewise, by those kinds of attack without gradients that both were
            given.
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


def curves(
    found: Iterable[Family], wanted: Mapping[str, Aim], baseline: Family | None
) -> list[Curves]:
    """Return the curves of every family under every objective that an attack had.

    Args:
        found: the families of one budget.
        wanted: what each objective makes large, by its label.
        baseline: VVC.
    """
    return [
        _curves(family, objective, aim, baseline)
        for family in found
        for objective, aim in wanted.items()
        if _curve(family, ATTACKS, objective, aim)[1]
    ]


def _curves(family: Family, objective: str, aim: Aim, baseline: Family | None) -> Curves:
    clean, attacked = _curve(family, ATTACKS, objective, aim)
    against = partial(_against, family, baseline, objective=objective, aim=aim)
    return Curves(
        family=family.name,
        objective=objective,
        through_gradients=family.through_gradients,
        clean=clean,
        attacked=attacked,
        psnr=bd_psnr(clean, attacked),
        rate=bd_rate(clean, attacked),
        to_baseline=against(ATTACKS),
        to_baseline_alike=against(alike((family, *filter(None, [baseline])))),
    )


def _against(
    family: Family, baseline: Family | None, kinds: Sequence[str], *, objective: str, aim: Aim
) -> Delta:
    """Return what a family needs more than VVC, both under some kinds of attack."""
    if baseline is None:
        return Delta(None, "no VVC")
    if family == baseline:
        return Delta(None, "it is VVC")
    both = [_worst_of(one, kinds, objective, aim) for one in (baseline, family)]
    pictures = _shared(chain(*both))
    theirs, ours = (_drawn(found, pictures)[1] for found in both)
    return bd_rate(theirs, ours)


def bd_rate(anchor: Curve, other: Curve) -> Delta:
    """Return by how many per cent the other curve needs more bits at equal PSNR."""
    reason = _unfit(anchor, other, lambda point: point.psnr)
    return Delta(None, reason) if reason else Delta(_bjontegaard("bd_rate", anchor, other))


def bd_psnr(anchor: Curve, other: Curve) -> Delta:
    """Return by how many dB the other curve is above at equal rate."""
    reason = _unfit(anchor, other, lambda point: float(np.log10(point.bpp)))
    return Delta(None, reason) if reason else Delta(_bjontegaard("bd_psnr", anchor, other))


def _bjontegaard(name: str, anchor: Curve, other: Curve) -> float:
    import bjontegaard  # noqa: PLC0415 - it imports pyplot, which takes a second

    coordinates = [
        [getattr(point, axis) for point in curve]
        for curve in (anchor, other)
        for axis in ("bpp", "psnr")
    ]
    function = getattr(bjontegaard, name)
    settings = {"method": "akima", "require_matching_points": False, "min_overlap": LEAST_OVERLAP}
    return float(function(*coordinates, **settings))


def _unfit(anchor: Curve, other: Curve, base: Callable[[Point], float]) -> str:
    """Return why two curves cannot be compared over a range, or nothing."""
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


def _curve(family: Family, kinds: Sequence[str], objective: str, aim: Aim) -> tuple[Curve, Curve]:
    """Return the clean and the attacked curve, over the pictures that all members have."""
    worst = _worst_of(family, kinds, objective, aim)
    return _drawn(worst, _shared(worst))


def _worst_of(
    family: Family, kinds: Sequence[str], objective: str, aim: Aim
) -> list[tuple[FamilyMember, Mapping[str, ScoredAttack]]]:
    """Return the worst of each picture, of every member of which something was measured."""
    both = ((member, _worst(member, kinds, objective, aim)) for member in family.members)
    return [(member, found) for member, found in both if found]


def _shared(worst: Iterable[tuple[FamilyMember, Mapping[str, ScoredAttack]]]) -> set[str]:
    """Return the pictures that all of some members have."""
    names = [set(found) for _, found in worst]
    return set.intersection(*names) if names else set()


def _drawn(
    worst: Iterable[tuple[FamilyMember, Mapping[str, ScoredAttack]]], pictures: Collection[str]
) -> tuple[Curve, Curve]:
    points = [_points(*one, pictures) for one in worst] if pictures else []
    clean, attacked = ([pair[side] for pair in points] for side in (0, 1))
    return _in_order(clean), _in_order(attacked)


def _in_order(points: Iterable[Point]) -> Curve:
    return tuple(sorted(points, key=lambda point: point.bpp))


def _points(
    member: FamilyMember, worst: Mapping[str, ScoredAttack], pictures: Collection[str]
) -> tuple[Point, Point]:
    label = member.row.place.codec
    clean = [member.case.clean[picture] for picture in pictures]
    attacked = [worst[picture] for picture in pictures]
    before = [(one.bpp_clean, one.psnr_clean, one.ms_ssim_clean) for one in clean]
    after = [
        (one.scores.bpp, one.scores.psnr_source, one.scores.ms_ssim_source) for one in attacked
    ]
    return (
        _point(label, before, [member.case.seconds[picture] for picture in pictures]),
        _point(label, after, [one.seconds for one in attacked]),
    )


def _point(
    label: str,
    scores: Sequence[tuple[float, float, float | None]],
    seconds: Sequence[tuple[float, float]],
) -> Point:
    bpp, psnr, similar = zip(*scores, strict=True)
    encoding, decoding = zip(*seconds, strict=True)
    ms_ssim = None if None in similar else fmean(similar)
    return Point(label, fmean(bpp), fmean(psnr), ms_ssim, fmean(encoding), fmean(decoding))


def _worst(
    member: FamilyMember, kinds: Sequence[str], objective: str, aim: Aim
) -> dict[str, ScoredAttack]:
    """Return each picture under the attack that reached most of the objective."""
    scored = (one for one in member.case.of(*kinds) if one.craft.objective == objective)
    groups = by_picture(scored)
    return {
        picture: max(groups[picture], key=lambda one: aim(one.scores))
        for picture in member.case.clean
        if picture in groups
    }
