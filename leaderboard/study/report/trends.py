"""Sentences about trends along each axis of the study, with their figures and exceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import TypeAlias

from leaderboard.aggregate.threats import GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.study.effects import (
    GOALS,
    AttackEffect,
    AttackGoal,
    Means,
    mean_damage,
    mean_damage_for_objective,
    white_box_on_plain,
    worst_per_picture,
)
from leaderboard.study.report.classical_codecs import mean_lowest_psnr

_MOST_NAMED = 4
"""The largest number of exceptions that are named one by one."""

_Losses: TypeAlias = Mapping[tuple[str, str], float]
"""What codecs lose under attack, by codec label and budget."""

_Outcome: TypeAlias = tuple[str, str, bool]
"""The subject of one comparison, its budget, and whether the claim is true."""


def method_trends(effects: Sequence[AttackEffect], gradients: Mapping[str, int]) -> Iterator[str]:
    """Yield how often each iterative attack is stronger than the attacks before it.

    Args:
        effects: all effects.
        gradients: the number of gradients of each attack.
    """
    plain = white_box_on_plain(effects)
    single_step = [attack for attack, count in gradients.items() if 0 < count <= 2]
    iterative = [attack for attack, count in gradients.items() if count > 2]
    for index, attack in enumerate(iterative):
        for other in (*single_step, *iterative[:index]):
            outcomes = _method_outcomes(plain, attack, other)
            yield _claim_text(f"{attack} is stronger than {other}", outcomes)


def quality_trends(effects: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield how often the higher of two neighbouring quality settings is damaged more."""
    plain = white_box_on_plain(effects)
    neighbours = _neighbouring_qualities(plain)
    for goal in GOALS:
        means = _by_codec(plain, goal)
        outcomes = [
            (high, budget, means[high, budget] > means[low, budget])
            for low, high in neighbours
            for budget in dict.fromkeys(budget for _, budget in means)
            if (low, budget) in means and (high, budget) in means
        ]
        claim = "the higher of two neighbouring quality settings is damaged more"
        yield _claim_text(f"{goal.objective}: {claim}", outcomes)


def most_damaged_families(effects: Sequence[AttackEffect], budgets: Sequence[str]) -> Iterator[str]:
    """Yield for each goal the family that is damaged most at each budget."""
    for goal in GOALS:
        worst = worst_per_picture(white_box_on_plain(effects), goal)
        means = mean_damage_for_objective(worst, lambda effect: effect.model.family, goal)
        parts = [_most_damaged(means, budget, goal) for budget in budgets]
        if any(parts):
            yield f"{goal.objective}, the models damaged most: {'; '.join(filter(None, parts))}."


def classical_trends(effects: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield how often codecs without gradients are damaged less than learned ones.

    Each codec is attacked with what is possible: learned codecs with their own gradients, the
    others by transfer and queries. The attacks are therefore not equally strong.
    """
    attacked = [e for e in effects if e.threat in {GRADIENTS, *WITHOUT_GRADIENTS}]
    classical = [effect for effect in attacked if not effect.model.learned]
    learned = [e for e in attacked if e.model.learned and e.threat == GRADIENTS]
    groups = {
        "plain learned codecs": [e for e in learned if not e.model.hardened],
        "hardened codecs": [e for e in learned if e.model.hardened],
    }
    for goal in GOALS:
        losses = _by_codec(classical, goal)
        for name, rivals in groups.items():
            relation = f"is damaged less than {name}"
            yield from _comparisons(goal.objective, relation, losses, _by_codec(rivals, goal))
    for name, rivals in groups.items():
        relation = f"keeps a higher PSNR than {name}"
        losses, rival_losses = _negative_psnr(classical), _negative_psnr(rivals)
        yield from _comparisons("PSNR under attack", relation, losses, rival_losses)


def caveats(effects: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield how many searches carry which flag, and where noise is stronger than the attacks."""
    yield from _flag_counts(white_box_on_plain(effects))
    for goal in GOALS:
        yield from _weaker_than_noise(effects, goal)


def _method_outcomes(effects: Sequence[AttackEffect], attack: str, other: str) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    for goal in GOALS:
        means, other_means = (
            mean_damage_for_objective(
                [effect for effect in effects if effect.attack == name], _label, goal
            )
            for name in (attack, other)
        )
        outcomes += [
            (f"{goal.objective} of {model}", budget, mean.mean > other_means[model, budget].mean)
            for (model, budget), mean in means.items()
            if (model, budget) in other_means
        ]
    return outcomes


def _neighbouring_qualities(effects: Sequence[AttackEffect]) -> list[tuple[str, str]]:
    """Return the labels of neighbouring quality settings of a family, the lower one first."""
    models = {(effect.model.family, effect.model.label): effect.model for effect in effects}
    return [
        (low.label, high.label)
        for low, high in permutations(models.values(), 2)
        if low.family == high.family and high.quality_index == low.quality_index + 1
    ]


def _by_codec(effects: Sequence[AttackEffect], goal: AttackGoal) -> dict[tuple[str, str], float]:
    """Return the mean of the worst damage per picture, by codec and budget."""
    means = mean_damage_for_objective(worst_per_picture(effects, goal), _label, goal)
    return {key: estimate.mean for key, estimate in means.items()}


def _negative_psnr(effects: Sequence[AttackEffect]) -> dict[tuple[str, str], float]:
    return {key: -psnr for key, psnr in mean_lowest_psnr(effects).items()}


def _comparisons(
    topic: str, relation: str, losses: _Losses, rival_losses: _Losses
) -> Iterator[str]:
    """Yield for each codec how often it loses less than its rivals at the same budget."""
    for label in dict.fromkeys(label for label, _ in losses):
        outcomes = [
            (rival, budget, losses[label, budget] < loss)
            for (rival, budget), loss in rival_losses.items()
            if (label, budget) in losses
        ]
        if outcomes:
            yield _claim_text(f"{topic}: {label} {relation}", outcomes)


def _most_damaged(means: Means, budget: str, goal: AttackGoal) -> str:
    damages = {name: mean.mean for (name, at), mean in means.items() if at == budget}
    if not damages:
        return ""
    first, *others = sorted(damages, key=lambda name: -damages[name])
    second = f", then {others[0]} ({goal.text(damages[others[0]])})" if others else ""
    return f"at {budget} {first} ({goal.text(damages[first])}){second}"


def _claim_text(claim: str, outcomes: Sequence[_Outcome]) -> str:
    """Return a claim with its exceptions: each one if they are few, else their number by budget."""
    if not outcomes:
        return f"{claim}: nothing to compare."
    exceptions = [(subject, budget) for subject, budget, is_true in outcomes if not is_true]
    counted = f"{claim} in {len(outcomes) - len(exceptions)} of {len(outcomes)} comparisons"
    if not exceptions:
        return f"{counted}, without exception."
    named = [f"{subject} at {budget}" for subject, budget in exceptions]
    numbers = Counter(budget for _, budget in exceptions)
    budgets = dict.fromkeys(budget for _, budget, _ in outcomes)
    by_budget = [f"{numbers[budget]} at {budget}" for budget in budgets if numbers[budget]]
    return f"{counted}; exceptions: {', '.join(named if len(named) <= _MOST_NAMED else by_budget)}."


def _flag_counts(effects: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield for each flag its number of white-box searches, and where it is most frequent."""
    flags = dict.fromkeys(flag for effect in effects for flag in effect.flags)
    searches = Counter((effect.objective, effect.budget) for effect in effects)
    for flag in flags:
        flagged = Counter((e.objective, e.budget) for e in effects if flag in e.flags)
        objective, budget = most = max(flagged, key=lambda key: flagged[key] / searches[key])
        yield (
            f"{flag}: {flagged.total()} of {len(effects)} white-box searches, most often at"
            f" {budget} with objective {objective} ({flagged[most]} of {searches[most]})."
        )


def _weaker_than_noise(effects: Sequence[AttackEffect], goal: AttackGoal) -> Iterator[str]:
    """Yield where the mean damage by noise is above that by attacks with an objective."""
    attacks = [effect for effect in effects if effect.threat != NOISE]
    attacked = mean_damage(worst_per_picture(attacks, goal), _label, goal)
    noise = mean_damage([e for e in effects if e.threat == NOISE], _label, goal)
    for (label, budget), mean in noise.items():
        attack = attacked.get((label, budget))
        if attack is not None and mean.mean > attack.mean:
            yield (
                f"{goal.header}: at {budget}, noise damages {label} more than its attacks do"
                f" ({goal.text(mean.mean)} and {goal.text(attack.mean)})."
            )


def _label(effect: AttackEffect) -> str:
    return effect.model.label
