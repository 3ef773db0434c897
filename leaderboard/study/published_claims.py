"""The figures of Sun et al. (arXiv 2401.10345) and where, if anywhere, ours come up to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from statistics import median

from scipy.stats import spearmanr

from leaderboard.formatting import decibel, factor, percent, rate
from leaderboard.study.adversarial_training import WANTED, Pair
from leaderboard.study.effects import TARGETS, AttackEffect, AttackGoal, own

LARGEST = {"distortion": (61.55, "61.55 %"), "rate": (19.15, "×19.15")}
"""The worst found there, under PGD: PSNR lost in per cent, bpp as a factor; and as text."""

FALL = 0.9552
"""Of the R-D cost of the most vulnerable model there, through adversarial training."""

_FEWEST = 4
"""Values of which a rank correlation says something."""

CAVEAT = """\
What we could read of the paper tells no budget, so a figure that is reached says from which budget
on such harm exists, not that both agree."""


def published(target: AttackGoal) -> str:
    """Return the paper's worst, or that it gives none."""
    _, text = LARGEST.get(target.objective, (0.0, "none"))
    return text


def of_attacks(found: Sequence[AttackEffect], labels: Sequence[str]) -> Iterator[str]:
    """Yield for each of the paper's two attack figures from which budget on it is reached here.

    Args:
        found: all that was measured.
        labels: of the budgets, the smallest first.
    """
    for target in TARGETS:
        known, text = LARGEST.get(target.objective, (None, ""))
        tops = [top for label in labels if (top := _top(found, target, label)) is not None]
        if known is None or not tops:
            continue
        reached = next((at for at, (harm, _) in enumerate(tops) if harm >= known), None)
        said = f"{target.header}: the paper's {text} is"
        if reached is None:
            most = max(tops, key=lambda top: top[0])
            yield f"{said} not reached; {_told(target, *most)}. {_by_picture(found, target)}"
        else:
            below = f" One budget below, {_told(target, *tops[reached - 1])}." if reached else ""
            yield f"{said} reached; {_told(target, *tops[reached])}.{below}"


def of_training(pairs: Sequence[Pair], found: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield how the largest fall compares with the paper's, and where that could be seen at all."""
    places = [
        (pair, budget, wanted)
        for pair in pairs
        for budget, wanted in product(pair.plain, WANTED)
        if pair.has(budget, wanted)
    ]
    if not places:
        return
    pair, budget, wanted = max(places, key=lambda at: at[0].fall(*at[1:]))
    most, ceiling = (
        f"{percent(100 * share(budget, wanted))} %" for share in (pair.fall, pair.ceiling)
    )
    reached = "reached" if pair.fall(budget, wanted) >= FALL else "not reached"
    above = sum(one.ceiling(*at) > FALL for one, *at in places)
    close = sum(one.faithful(*at) > FALL for one, *at in places)
    yield (
        f"Adversarial training: the paper's {100 * FALL:.2f} % is {reached}; the largest fall is"
        f" {most} ({pair.name}, {budget}, {wanted}; ceiling {ceiling}). The ceiling is above the"
        f" paper's figure in {above} of {len(places)} cases, and that of a faithful codec in"
        f" {close}: what decodes to the attacked picture has its change in the MSE."
    )
    dearer = sum(one.fall(*at) < 0 for one, *at in places)
    yield f"In {dearer} of these {len(places)} cases the hardened model costs more than the plain."
    worst = max(own(found), key=lambda one: one.scores.rd_factor)
    if worst.model.label not in {one.name for one in pairs}:
        yield (
            f"The paper's figure is of its most vulnerable model. Here that is {worst.model.label}"
            f" (R-D cost {factor(worst.scores.rd_factor)}), which has no hardened twin."
        )


def _top(
    found: Sequence[AttackEffect], target: AttackGoal, budget: str
) -> tuple[float, AttackEffect] | None:
    """Return the largest harm at a budget and what did it, whatever that wanted."""
    harms = [(target.harm(one.scores), one) for one in own(found) if one.budget == budget]
    known = [(harm, one) for harm, one in harms if harm is not None]
    return max(known, key=lambda pair: pair[0], default=None)


def _told(target: AttackGoal, harm: float, one: AttackEffect) -> str:
    return (
        f"at {one.budget} the most is {target.text(harm)}, by {one.attack} on {one.picture}"
        f" against {one.model.label}; the picture itself has"
        f" {decibel(one.scores.psnr_perturbation)} dB then"
    )


def _by_picture(found: Sequence[AttackEffect], target: AttackGoal) -> str:
    """Return how the largest harm of each picture goes with what it costs, model by model."""
    most: dict[tuple[str, str], tuple[float, AttackEffect]] = {}
    for one in own(found):
        harm, who = target.harm(one.scores), (one.model.label, one.picture)
        if harm is not None and (who not in most or harm > most[who][0]):
            most[who] = harm, one
    ranked = sorted(most.values(), key=lambda pair: pair[0])
    told = (
        f"{target.text(harm)} of {one.picture} on {one.model.label}"
        f" ({rate(one.scores.bpp_clean)} bpp clean)"
        for harm, one in (ranked[0], ranked[-1])
    )
    return f"By model and picture the most is from {' to '.join(told)}{_correlated(ranked)}."


def _correlated(ranked: Sequence[tuple[float, AttackEffect]]) -> str:
    """Return the rank correlation of harm and clean rate within a model, where there is one."""
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for harm, one in ranked:
        groups[one.model.label].append((harm, one.scores.bpp_clean))
    known = [group for group in groups.values() if len({harm for harm, _ in group}) >= _FEWEST]
    if not known:
        return ""
    found = [float(spearmanr(*zip(*group, strict=True)).statistic) for group in known]
    return (
        f"; within a model its rank correlation with the clean rate is {median(found):.2f}"
        f" (Spearman, median of {len(found)} models; {min(found):.2f} to {max(found):.2f})"
    )
