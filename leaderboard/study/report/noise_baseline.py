"""The excess of attacks over the perturbation itself and over noise of the same budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from bench.metrics.scores import psnr_of
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.threats import NOISE
from leaderboard.formatting import decibel, percent
from leaderboard.render.markdown import table
from leaderboard.study.effects import (
    GOALS,
    AttackEffect,
    mean_damage,
    white_box_on_plain,
    worst_per_picture,
)

_DISTORTION, *_ = GOALS


def baseline_table(effects: Sequence[AttackEffect], budgets: Sequence[str]) -> str:
    """Return a table: attacks, noise of the same budget, and a codec that keeps the perturbation.

    Args:
        effects: all effects.
        budgets: labels of the budgets.
    """
    attacked = worst_per_picture(white_box_on_plain(effects), _DISTORTION)
    lines = [*_perturbation_rows(attacked, budgets), *_noise_rows(effects, budgets)]
    return table(("", *budgets), [False, *[True] * len(budgets)], lines)


def _perturbation_rows(
    attacked: Sequence[AttackEffect], budgets: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Yield rows about the attacks on the distortion."""
    rows: tuple[tuple[str, Callable[[Scores], float], Callable[[float], str]], ...] = (
        ("PSNR of the adversarial pictures, dB", lambda s: s.psnr_perturbation, decibel),
        ("PSNR drop, %: a codec that only keeps the perturbation", _faithful_drop, percent),
        ("vulnerability index, dB", lambda scores: scores.vi or 0.0, decibel),
        ("pictures with amplified error, %", lambda s: 100.0 * s.unexplained, percent),
    )
    for title, value, text in rows:
        yield (title, *(_mean_text(attacked, budget, value, text) for budget in budgets))


def _noise_rows(
    effects: Sequence[AttackEffect], budgets: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Yield the damage by attacks and by noise, for each goal."""
    noise = [
        effect
        for effect in effects
        if effect.threat == NOISE and effect.model.learned and not effect.model.hardened
    ]
    for goal in GOALS:
        worst = worst_per_picture(white_box_on_plain(effects), goal)
        for title, compared in (("attacks", worst), ("noise", noise)):
            means = mean_damage(compared, lambda _: "", goal)
            cells = (_estimate_text(means.get(("", budget)), goal.text) for budget in budgets)
            yield (f"{goal.header}: {title}", *cells)


def _faithful_drop(scores: Scores) -> float:
    """Return the PSNR drop, in per cent, if the perturbation only adds to the codec's own error."""
    faithful = psnr_of(scores.mse_clean + scores.mse_perturbation)
    return 100 * (scores.psnr_clean - faithful) / scores.psnr_clean


def _mean_text(
    effects: Sequence[AttackEffect],
    budget: str,
    value: Callable[[Scores], float],
    text: Callable[[float], str],
) -> str:
    values = [value(effect.scores) for effect in effects if effect.budget == budget]
    return text(fmean(values)) if values else "–"


def _estimate_text(estimate: Estimate | None, text: Callable[[float], str]) -> str:
    return "–" if estimate is None else text(estimate.mean)
