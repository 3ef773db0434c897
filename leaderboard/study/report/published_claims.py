"""The figures of Sun et al. (arXiv 2401.10345), and where this study reaches them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from statistics import median
from typing import TypeAlias

from scipy.stats import spearmanr

from leaderboard.formatting import decibel, factor, percent, rate
from leaderboard.study.adversarial_training import HardenedPair
from leaderboard.study.effects import GOALS, AttackEffect, AttackGoal, white_box_on_plain
from leaderboard.study.losses import OBJECTIVE_VALUES

PUBLISHED_DAMAGE = {"distortion": (61.55, "61.55 %"), "rate": (19.15, "×19.15")}
"""The paper's largest PSNR drop in per cent and rate ratio under PGD, as values and as text."""

PUBLISHED_REDUCTION = 0.9552
"""The paper's reduction of the R-D cost of its most vulnerable model by adversarial training."""

_FEWEST_VALUES = 4
"""The smallest number of values for a rank correlation."""

CAVEAT = """\
The text of the paper that is available to us states no budget. A figure that is reached therefore
shows the smallest budget at which such damage occurs. It does not show that both studies agree."""

_Worst: TypeAlias = tuple[float, AttackEffect]
"""The largest damage, and the effect that has it."""

_Case: TypeAlias = tuple[HardenedPair, str, str]
"""A pair, a budget and an objective."""


def published_text(goal: AttackGoal) -> str:
    """Return the paper's largest damage, or "none" where it gives none."""
    _, text = PUBLISHED_DAMAGE.get(goal.objective, (0.0, "none"))
    return text


def attack_claims(effects: Sequence[AttackEffect], budgets: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each attack figure of the paper: from which budget on it is reached.

    Args:
        effects: all effects.
        budgets: labels of the budgets, from the smallest.
    """
    for goal in GOALS:
        worst = [pair for budget in budgets if (pair := _worst_at(effects, goal, budget))]
        if goal.objective not in PUBLISHED_DAMAGE or not worst:
            continue
        published, text = PUBLISHED_DAMAGE[goal.objective]
        reached = [index for index, (damage, _) in enumerate(worst) if damage >= published]
        claim = f"{goal.header}: the paper's {text} is"
        if reached:
            yield f"{claim} {_from_budget(worst, reached[0], goal)}"
        else:
            largest = max(worst, key=lambda pair: pair[0])
            sentence = _worst_text(goal, *largest)
            yield f"{claim} not reached. {sentence} {_range_by_picture(effects, goal)}"


def training_claims(
    pairs: Sequence[HardenedPair], effects: Sequence[AttackEffect]
) -> Iterator[str]:
    """Yield how the largest reduction compares with the paper's, and where it could be seen."""
    cases: list[_Case] = [
        (pair, budget, objective)
        for pair in pairs
        for budget, objective in product(pair.plain, OBJECTIVE_VALUES)
        if pair.was_attacked(budget, objective)
    ]
    if not cases:
        return
    yield _largest_reduction(cases)
    yield _largest_input_reduction(cases)
    yield _ceilings(cases)
    worse = sum(pair.reduction(*case) < 0 for pair, *case in cases)
    yield (
        f"In {worse} of these {len(cases)} cases the R-D cost under attack of the hardened model is"
        " above that of the plain model."
    )
    worst = max(white_box_on_plain(effects), key=lambda effect: effect.scores.rd_factor)
    if worst.model.label not in {pair.name for pair in pairs}:
        yield (
            f"The paper's figure is for its most vulnerable model. Here that is {worst.model.label}"
            f" (R-D cost increase {factor(worst.scores.rd_factor)}), which has no hardened version."
        )


def _largest_reduction(cases: Sequence[_Case]) -> str:
    pair, budget, objective = max(cases, key=lambda case: case[0].reduction(*case[1:]))
    reduction, ceiling = pair.reduction(budget, objective), pair.ceiling(budget, objective)
    reached = "reached" if reduction >= PUBLISHED_REDUCTION else "not reached"
    return (
        f"Adversarial training: the paper's {100 * PUBLISHED_REDUCTION:.2f} % is {reached}. The"
        f" largest reduction is {percent(100 * reduction)} % ({pair.title}, {budget}, {objective};"
        f" ceiling {percent(100 * ceiling)} %)."
    )


def _largest_input_reduction(cases: Sequence[_Case]) -> str:
    pair, budget, objective = max(cases, key=lambda case: case[0].input_reduction(*case[1:]))
    reduction = pair.input_reduction(budget, objective)
    reached = "is" if reduction >= PUBLISHED_REDUCTION else "is not"
    return (
        "If J is measured against the adversarial picture, the input of the codec, the paper's"
        f" figure {reached} reached: the largest reduction is"
        f" {percent(100 * reduction)} % ({pair.title}, {budget}, {objective})."
    )


def _ceilings(cases: Sequence[_Case]) -> str:
    above = sum(pair.ceiling(*case) > PUBLISHED_REDUCTION for pair, *case in cases)
    faithful = sum(pair.faithful_ceiling(*case) > PUBLISHED_REDUCTION for pair, *case in cases)
    return (
        f"The ceiling is above the paper's figure in {above} of {len(cases)} cases. The ceiling of"
        f" a faithful codec is above it in {faithful}: such a codec reconstructs the adversarial"
        " picture, so its MSE contains the perturbation."
    )


def _worst_at(effects: Sequence[AttackEffect], goal: AttackGoal, budget: str) -> _Worst | None:
    """Return the largest damage at a budget, of attacks with any objective."""
    damages = [
        (goal.damage(effect.scores), effect)
        for effect in white_box_on_plain(effects)
        if effect.budget == budget
    ]
    known = [(damage, effect) for damage, effect in damages if damage is not None]
    return max(known, key=lambda pair: pair[0], default=None)


def _from_budget(worst: Sequence[_Worst], index: int, goal: AttackGoal) -> str:
    """Return the smallest budget that reaches the figure, and the damage there and just below."""
    _, first = worst[index]
    shown = [worst[index], *worst[max(0, index - 1) : index]]
    sentences = (_worst_text(goal, *pair) for pair in shown)
    return " ".join((f"reached from {first.budget} on.", *sentences))


def _worst_text(goal: AttackGoal, damage: float, effect: AttackEffect) -> str:
    return (
        f"The largest value at {effect.budget} is {goal.text(damage)} ({effect.attack},"
        f" {effect.picture}, {effect.model.label}; the adversarial picture has"
        f" {decibel(effect.scores.psnr_perturbation)} dB)."
    )


def _range_by_picture(effects: Sequence[AttackEffect], goal: AttackGoal) -> str:
    """Return the range of the largest damage per picture and model, and its correlation."""
    worst: dict[tuple[str, str], _Worst] = {}
    for effect in white_box_on_plain(effects):
        damage, key = goal.damage(effect.scores), (effect.model.label, effect.picture)
        if damage is not None and (key not in worst or damage > worst[key][0]):
            worst[key] = damage, effect
    ranked = sorted(worst.values(), key=lambda pair: pair[0])
    ends = (
        f"{goal.text(damage)} ({effect.picture}, {effect.model.label},"
        f" {rate(effect.scores.bpp_clean)} bpp clean)"
        for damage, effect in (ranked[0], ranked[-1])
    )
    span = f"The largest value per picture and model ranges from {' to '.join(ends)}."
    return " ".join(filter(None, (span, _rank_correlation(ranked))))


def _rank_correlation(worst: Sequence[_Worst]) -> str:
    """Return the rank correlation of damage and clean rate within a model, where there is one."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for damage, effect in worst:
        points[effect.model.label].append((damage, effect.scores.bpp_clean))
    known = [
        group for group in points.values() if len({damage for damage, _ in group}) >= _FEWEST_VALUES
    ]
    if not known:
        return ""
    rhos = [float(spearmanr(*zip(*group, strict=True)).statistic) for group in known]
    return (
        f"Within a model, its rank correlation with the clean rate is {median(rhos):.2f} (Spearman,"
        f" median of {len(rhos)} models; range {min(rhos):.2f} to {max(rhos):.2f})."
    )
