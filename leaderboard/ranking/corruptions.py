"""What corrupted pictures cost a codec, against the pictures that it was given.

    corrupted pictures x' of a codec --by kind, severity--> J(x') / clean J, BD-rate, error bands

    J(x') = bpp + lambda 255^2 MSE(x', C(x'))

A codec is not expected to remove a corruption, so the error is that against its own input. Nobody
made the pictures against a codec: no worst case and no rank contains them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import eq
from statistics import fmean
from typing import TypeAlias, TypeVar

from bench.metrics.scores import rd_cost
from bench.store.records import MeasureRecord, Scores
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.suite_info import Corruption
from leaderboard.aggregate.worst_case import by_picture
from leaderboard.ranking.rd_costs import LAMBDAS, Ratio, costs, ratio
from leaderboard.ranking.rd_curves import Curve, Delta, Point, bd_psnr, bd_rate, in_order

BANDS = ("low", "middle", "high")
"""The bands of the error's frequencies."""

_LAMBDA = LAMBDAS[1]

_Key = TypeVar("_Key")
_Wanted: TypeAlias = Callable[[Corruption], bool]

Shares: TypeAlias = tuple[float, ...]
"""The share of the squared error in each of the bands, 0 to 1."""


@dataclass(frozen=True)
class CorruptedPoint:
    """One operating point under one corruption, mean over the pictures.

    Attributes:
        codec: label of the operating point.
        corruption: the corruption.
        pictures: number of pictures with scores, clean and corrupted.
        failed: number of corrupted pictures that the codec could not encode or decode; they count
            as mid-grey at 24 bpp.
        bpp_clean: rate of the source pictures, in bits per pixel.
        bpp: rate of the corrupted pictures.
        psnr_clean: PSNR of x and C(x), in dB.
        psnr: PSNR of x' and C(x'), in dB.
        cost: mean J(x') relative to mean clean J at the middle lambda.
        bands: shares of the squared error of coding x'; None if the suite does not measure them.
    """

    codec: str
    corruption: Corruption
    pictures: int
    failed: int
    bpp_clean: float
    bpp: float
    psnr_clean: float
    psnr: float
    cost: Ratio | None
    bands: Shares | None


@dataclass(frozen=True)
class KindEffect:
    """One kind of corruption at all its severities, at the codec's cheapest operating point.

    Attributes:
        kind: the kind.
        cost: mean J(x') relative to mean clean J, over all severities.
        by_severity: the same of each severity.
        rate: BD-rate from the clean curve to that of the corrupted pictures, in per cent; the
            points are means over pictures and severities.
        psnr: BD-PSNR from the clean curve to that of the corrupted pictures, in dB.
        bands: shares of the squared error; None if the suite does not measure them.
    """

    kind: str
    cost: Ratio | None
    by_severity: Mapping[int, Ratio | None]
    rate: Delta
    psnr: Delta
    bands: Shares | None


@dataclass(frozen=True)
class CorruptedCodec:
    """A codec at every quality setting on corrupted pictures.

    Attributes:
        family: name of the codec.
        codec: label of the operating point with the lowest clean J.
        clean_bands: shares of the squared error of coding the source pictures.
        effects: the effect of each kind, in the order of the suite.
        cost: mean J(x') relative to mean clean J, over all kinds and severities.
        points: every operating point under every corruption.
        curves: the clean and the corrupted curve of each kind.
        rates: BD-rate from the clean curve to that of each corruption, in per cent.
        lost: records of corrupted pictures without scores of their own, of all operating points.
    """

    family: str
    codec: str
    clean_bands: Shares | None
    effects: tuple[KindEffect, ...]
    cost: Ratio | None
    points: tuple[CorruptedPoint, ...]
    curves: Mapping[str, tuple[Curve, Curve]]
    rates: Mapping[Corruption, Delta]
    lost: tuple[MeasureRecord, ...]

    def cost_of(self, kind: str) -> Ratio | None:
        """Return the R-D cost of a kind relative to the clean one; None without scores."""
        return next((effect.cost for effect in self.effects if effect.kind == kind), None)


def corrupted_codecs(
    families: Iterable[Family], bands: Mapping[str, str]
) -> tuple[CorruptedCodec, ...]:
    """Return the codecs that were to be scored on corrupted pictures.

    Args:
        families: the families of one budget.
        bands: labels of the metrics of the error's bands, by band.
    """
    known = ((family, costs(family, (), _LAMBDA)) for family in families)
    cheapest = [(family, found.member) for family, found in known if found is not None]
    return tuple(
        _codec(family, member, bands)
        for family, member in cheapest
        if member.case.corrupted or member.case.corrupted_lost
    )


def kinds_of(codecs: Iterable[CorruptedCodec]) -> list[str]:
    """Return the kinds of some codecs, each once."""
    return list(dict.fromkeys(effect.kind for codec in codecs for effect in codec.effects))


def _codec(family: Family, member: FamilyMember, bands: Mapping[str, str]) -> CorruptedCodec:
    case = member.case
    kinds = list(_groups(case, lambda corruption: corruption.kind))
    curves = {kind: _curves(family, _is_of(kind)) for kind in kinds}
    corruptions = _groups(case, lambda corruption: corruption)
    return CorruptedCodec(
        family=family.name,
        codec=member.row.place.codec,
        clean_bands=_shares(case.clean.values(), bands, is_clean=True),
        effects=tuple(_effect(case, kind, curves[kind], bands) for kind in kinds),
        cost=_cost([attack for _, attack in _known(case)], case),
        points=tuple(point for one in family.members for point in _points(one, bands)),
        curves=curves,
        rates={one: bd_rate(*_curves(family, partial(eq, one))) for one in corruptions},
        lost=tuple(record for one in family.members for record in one.case.corrupted_lost),
    )


def _effect(
    case: CellGroup, kind: str, curves: tuple[Curve, Curve], bands: Mapping[str, str]
) -> KindEffect:
    own = _groups(case, lambda corruption: corruption.kind)[kind]
    severities = _groups(case, lambda corruption: (corruption.kind, corruption.severity))
    return KindEffect(
        kind=kind,
        cost=_cost(own, case),
        by_severity={
            severity: _cost(attacks, case)
            for (name, severity), attacks in sorted(severities.items())
            if name == kind
        },
        rate=bd_rate(*curves),
        psnr=bd_psnr(*curves),
        bands=_shares([attack.scores for attack in own], bands),
    )


def _points(member: FamilyMember, bands: Mapping[str, str]) -> list[CorruptedPoint]:
    groups = _groups(member.case, lambda corruption: corruption)
    return [_point(member, one, attacks, bands) for one, attacks in groups.items()]


def _point(
    member: FamilyMember,
    corruption: Corruption,
    attacks: Sequence[ScoredAttack],
    bands: Mapping[str, str],
) -> CorruptedPoint:
    pictures = by_picture(attacks)
    clean, corrupted = _mean_points(member, pictures, pictures)
    return CorruptedPoint(
        codec=member.row.place.codec,
        corruption=corruption,
        pictures=len(pictures),
        failed=sum(attack.failed for attack in attacks),
        bpp_clean=clean.bpp,
        bpp=corrupted.bpp,
        psnr_clean=clean.psnr,
        psnr=corrupted.psnr,
        cost=_cost(attacks, member.case),
        bands=_shares([attack.scores for attack in attacks], bands),
    )


def _known(case: CellGroup) -> Iterator[tuple[Corruption, ScoredAttack]]:
    """Yield the corrupted pictures whose source picture has scores too."""
    return ((what, attack) for what, attack in case.corrupted if attack.picture in case.clean)


def _groups(case: CellGroup, key: Callable[[Corruption], _Key]) -> dict[_Key, list[ScoredAttack]]:
    """Return the corrupted pictures by a part of their corruption, in the order of the suite."""
    groups: dict[_Key, list[ScoredAttack]] = defaultdict(list)
    for corruption, attack in _known(case):
        groups[key(corruption)].append(attack)
    return groups


def _cost(attacks: Iterable[ScoredAttack], case: CellGroup) -> Ratio | None:
    """Return mean J(x') relative to mean clean J.

    Severities and draws of one picture are averaged first.
    """
    pictures = by_picture(attacks)
    corrupted = {name: fmean(map(_corrupted_cost, group)) for name, group in pictures.items()}
    clean = {name: _clean_cost(case.clean[name]) for name in pictures}
    return ratio(corrupted, clean)


def _corrupted_cost(attack: ScoredAttack) -> float:
    return rd_cost(attack.scores.bpp, attack.scores.mse_input, _LAMBDA)


def _clean_cost(scores: Scores) -> float:
    return rd_cost(scores.bpp_clean, scores.mse_clean, _LAMBDA)


def _is_of(kind: str) -> _Wanted:
    return lambda corruption: corruption.kind == kind


def _curves(family: Family, wanted: _Wanted) -> tuple[Curve, Curve]:
    """Return the clean and the corrupted curve over the pictures that all members have."""
    members = [(one, _pictures_of(one, wanted)) for one in family.members]
    known = [(one, pictures) for one, pictures in members if pictures]
    shared = set.intersection(*(set(pictures) for _, pictures in known)) if known else set()
    points = [_mean_points(one, pictures, shared) for one, pictures in known] if shared else []
    clean, corrupted = ([pair[side] for pair in points] for side in (0, 1))
    return in_order(clean), in_order(corrupted)


def _pictures_of(member: FamilyMember, wanted: _Wanted) -> dict[str, list[ScoredAttack]]:
    return by_picture(attack for corruption, attack in _known(member.case) if wanted(corruption))


def _mean_points(
    member: FamilyMember, attacks: Mapping[str, Sequence[ScoredAttack]], pictures: Collection[str]
) -> tuple[Point, Point]:
    """Return the mean rate and PSNR of source pictures, and of their corrupted versions."""
    label, names = member.row.place.codec, sorted(pictures)
    clean = [member.case.clean[name] for name in names]
    corrupted = [[attack.scores for attack in attacks[name]] for name in names]
    return (
        Point(label, fmean(s.bpp_clean for s in clean), fmean(s.psnr_clean for s in clean)),
        Point(
            label,
            fmean(fmean(s.bpp for s in group) for group in corrupted),
            fmean(fmean(s.psnr_input for s in group) for group in corrupted),
        ),
    )


def _shares(
    scores: Iterable[Scores], bands: Mapping[str, str], *, is_clean: bool = False
) -> Shares | None:
    """Return the share of the squared error in each band; None if it is not known or zero."""
    if not all(band in bands for band in BANDS):
        return None
    extras = [[one.extra.get(bands[band]) for band in BANDS] for one in scores]
    values = [
        [extra and (extra.clean if is_clean else extra.source) for extra in row] for row in extras
    ]
    known = [row for row in values if None not in row]
    sums = [sum(float(value or 0) for value in column) for column in zip(*known, strict=True)]
    return tuple(value / sum(sums) for value in sums) if sum(sums) else None
