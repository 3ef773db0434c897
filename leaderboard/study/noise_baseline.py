"""What attacks do beyond what the change of the picture does by itself, and beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from bench.metrics.scores import psnr_of
from bench.store.records import Scores
from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.threats import NOISE
from leaderboard.formatting import decibel, percent
from leaderboard.render.markdown import table
from leaderboard.study.effects import TARGETS, AttackEffect, harms, own, worst

_DISTORTION, *_ = TARGETS


def beside(found: Sequence[AttackEffect], labels: Sequence[str]) -> str:
    """Return a table: attacks, noise of the same budget, and a codec that keeps changes faithfully.

    Args:
        found: all that was measured.
        labels: of the budgets.
    """
    attacked = worst(own(found), _DISTORTION)
    lines = [*_inputs(attacked, labels), *_harms(found, labels)]
    return table(("", *labels), [False, *[True] * len(labels)], lines)


def _inputs(attacked: Sequence[AttackEffect], labels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield rows on the attacks that wanted distortion."""
    rows: tuple[tuple[str, Callable[[Scores], float], Callable[[float], str]], ...] = (
        ("the attacked pictures themselves, PSNR dB", _change, decibel),
        ("PSNR lost, %: a codec that just keeps the change", _faithful, percent),
        ("vulnerability index, dB", lambda scores: scores.vi or 0.0, decibel),
        ("hurt more than the change explains, % of the pictures", _unexplained, percent),
    )
    for title, figure, text in rows:
        cells = (_mean([figure(one.scores) for one in _at(attacked, at)], text) for at in labels)
        yield (title, *cells)


def _harms(found: Sequence[AttackEffect], labels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield what attacks and noise did, for each target."""
    noise = [one for one in found if one.threat == NOISE and one.model.learned]
    plain = [one for one in noise if not one.model.hardened]
    for target in TARGETS:
        attacks = harms(worst(own(found), target), lambda _: "", target)
        by_chance = harms(plain, lambda _: "", target)
        for title, means in (("attacks", attacks), ("noise", by_chance)):
            cells = (_told(means.get(("", at)), target.text) for at in labels)
            yield (f"{target.header}: {title}", *cells)


def _at(found: Sequence[AttackEffect], budget: str) -> list[AttackEffect]:
    return [one for one in found if one.budget == budget]


def _change(scores: Scores) -> float:
    return scores.psnr_perturbation


def _faithful(scores: Scores) -> float:
    """Return the PSNR lost, in per cent, where the change just adds to the codec's own error."""
    kept = psnr_of(scores.mse_clean + scores.mse_perturbation)
    return 100 * (scores.psnr_clean - kept) / scores.psnr_clean


def _unexplained(scores: Scores) -> float:
    return 100.0 * scores.unexplained


def _mean(values: Sequence[float], text: Callable[[float], str]) -> str:
    return text(fmean(values)) if values else "–"


def _told(estimate: Estimate | None, text: Callable[[float], str]) -> str:
    return "–" if estimate is None else text(estimate.mean)
