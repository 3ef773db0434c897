"""Codecs without gradients next to learned ones, under noise, transfer and query attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.threats import GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.formatting import decibel, rate
from leaderboard.render.markdown import table
from leaderboard.study.effects import GOALS, AttackEffect, AttackGoal


def damage_tables(effects: Sequence[AttackEffect], budgets: Sequence[str]) -> Iterator[str]:
    """Yield a title and a table for each goal: damage by codec, threat and budget.

    Args:
        effects: all effects; hardened models are left out.
        budgets: labels of the budgets.
    """
    rows: dict[tuple[str, str], list[AttackEffect]] = defaultdict(list)
    for effect in effects:
        if _is_compared(effect):
            rows[_codec_name(effect), effect.threat].append(effect)
    for goal in GOALS:
        lines = [
            (*row, *(_damage_text(rows[row], goal, budget) for budget in budgets))
            for row in sorted(rows)
        ]
        headers = ("codec", "threat", *budgets)
        yield goal.header
        yield table(headers, [False, False, *[True] * len(budgets)], lines)


def psnr_table(effects: Sequence[AttackEffect], budgets: Sequence[str]) -> str:
    """Return a table of each operating point: clean rate, clean PSNR and PSNR under attack.

    Args:
        effects: all effects, those of hardened models included.
        budgets: labels of the budgets.
    """
    attacked = [
        effect
        for effect in effects
        if effect.threat == GRADIENTS
        or (effect.threat in WITHOUT_GRADIENTS and not effect.model.learned)
    ]
    lowest = mean_lowest_psnr(attacked)
    lines = []
    for label in dict.fromkeys(effect.model.label for effect in attacked):
        psnrs = (lowest.get((label, budget)) for budget in budgets)
        cells = ("–" if psnr is None else decibel(psnr) for psnr in psnrs)
        lines.append((label, *_clean_cells(attacked, label), *cells))
    headers = ("codec", "clean bpp", "clean PSNR, dB", *budgets)
    return table(headers, [False, *[True] * (len(headers) - 1)], lines)


def mean_lowest_psnr(effects: Iterable[AttackEffect]) -> dict[tuple[str, str], float]:
    """Return the lowest PSNR of each picture, averaged over pictures, by codec and budget."""
    lowest: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for effect in effects:
        by_picture, psnr = lowest[effect.model.label, effect.budget], effect.scores.psnr_source
        by_picture[effect.picture] = min(psnr, by_picture.get(effect.picture, psnr))
    return {key: fmean(by_picture.values()) for key, by_picture in lowest.items()}


def _is_compared(effect: AttackEffect) -> bool:
    if effect.model.hardened:
        return False
    if effect.model.learned:
        return effect.threat == GRADIENTS
    return effect.threat in {NOISE, GRADIENTS, *WITHOUT_GRADIENTS}


def _clean_cells(effects: Iterable[AttackEffect], label: str) -> tuple[str, str]:
    by_picture = {e.picture: e.scores for e in effects if e.model.label == label}
    clean = by_picture.values()
    return rate(fmean(s.bpp_clean for s in clean)), decibel(fmean(s.psnr_clean for s in clean))


def _codec_name(effect: AttackEffect) -> str:
    """Return the codec's label; for learned codecs the name of all quality settings."""
    return effect.model.family if effect.model.learned else effect.model.label


def _damage_text(effects: Iterable[AttackEffect], goal: AttackGoal, budget: str) -> str:
    estimate = _mean_worst((effect for effect in effects if effect.budget == budget), goal)
    return "–" if estimate is None else goal.text(estimate.mean)


def _mean_worst(effects: Iterable[AttackEffect], goal: AttackGoal) -> Estimate | None:
    """Return the mean of the worst damage per codec and picture, of attacks with any objective."""
    worst: dict[tuple[str, str], float] = {}
    for effect in effects:
        damage = goal.damage(effect.scores)
        if damage is not None:
            key = (effect.model.label, effect.picture)
            worst[key] = max(damage, worst.get(key, damage))
    return goal.average(worst.values())
