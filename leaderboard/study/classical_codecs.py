"""Codecs without gradients beside learned ones: what noise, transfer and queries do to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.threats import GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.formatting import decibel, rate
from leaderboard.render.markdown import table
from leaderboard.study.effects import TARGETS, AttackEffect, AttackGoal


def compared(found: Sequence[AttackEffect], labels: Sequence[str]) -> Iterator[str]:
    """Yield for each target a table: codecs and how they were attacked, over the budgets.

    Args:
        found: all that was measured; hardened models are left out.
        labels: of the budgets.
    """
    groups: dict[tuple[str, str], list[AttackEffect]] = defaultdict(list)
    for kind in (NOISE, *WITHOUT_GRADIENTS, GRADIENTS):
        for one in found:
            shown = kind == GRADIENTS if one.model.learned else True
            if one.threat == kind and shown and not one.model.hardened:
                groups[_name(one), kind].append(one)
    for target in TARGETS:
        lines = [
            (*who, *(_cell(group, target, budget) for budget in labels))
            for who, group in sorted(groups.items())
        ]
        yield target.header
        yield table(("codec", "attacked by", *labels), [False, False, *[True] * len(labels)], lines)


def levels(found: Sequence[AttackEffect], labels: Sequence[str]) -> str:
    """Return a table: what each operating point delivers, unattacked and under attack.

    Args:
        found: all that was measured, hardened models too.
        labels: of the budgets.
    """
    attacked = [one for one in found if one.threat in {GRADIENTS, *WITHOUT_GRADIENTS}]
    mine = [one for one in attacked if one.threat == GRADIENTS or not one.model.learned]
    means = delivered(mine)
    lines = []
    for label in dict.fromkeys(one.model.label for one in mine):
        clean = {one.picture: one.scores for one in mine if one.model.label == label}.values()
        told = rate(fmean(s.bpp_clean for s in clean)), decibel(fmean(s.psnr_clean for s in clean))
        cells = (means.get((label, at)) for at in labels)
        lines.append((label, *told, *("–" if cell is None else decibel(cell) for cell in cells)))
    headers = ("codec", "clean bpp", "clean dB", *labels)
    return table(headers, [False, *[True] * (len(headers) - 1)], lines)


def delivered(found: Iterable[AttackEffect]) -> dict[tuple[str, str], float]:
    """Return the lowest PSNR of each picture, the mean over pictures, by codec and budget."""
    lowest: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for one in found:
        here, psnr = lowest[one.model.label, one.budget], one.scores.psnr_source
        here[one.picture] = min(psnr, here.get(one.picture, psnr))
    return {where: fmean(psnrs.values()) for where, psnrs in lowest.items()}


def _name(one: AttackEffect) -> str:
    """Return the codec's label, of learned ones that of all their qualities."""
    return one.model.family if one.model.learned else one.model.label


def _cell(group: Iterable[AttackEffect], target: AttackGoal, budget: str) -> str:
    estimate = _mean_worst((one for one in group if one.budget == budget), target)
    return "–" if estimate is None else target.text(estimate.mean)


def _mean_worst(group: Iterable[AttackEffect], target: AttackGoal) -> Estimate | None:
    """Return the mean over codecs and pictures of the worst of each, whatever the attack wanted."""
    best: dict[tuple[str, str], float] = {}
    for one in group:
        harm = target.harm(one.scores)
        if harm is not None:
            key = (one.model.label, one.picture)
            best[key] = max(harm, best.get(key, harm))
    return target.average(best.values())
