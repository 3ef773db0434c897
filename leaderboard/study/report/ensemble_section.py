"""The section of the study on ensembles such as `standard`, beside the paper's single attacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.render.markdown import table
from leaderboard.study.effects import (
    GOALS,
    AttackEffect,
    AttackGoal,
    Means,
    damage_text,
    mean_damage_for_objective,
    worst_per_picture,
)

_TEXT = """\
## Ensembles of attacks

An ensemble makes several searches with different losses, surrogates of rounding and starts.
docs/standard.md describes `standard` and what it finds. The ensembles here attack fewer models at
fewer budgets than the single attacks above. Their pictures therefore count in this section, in the
table of the largest damage and under adversarial training, but not in the other sections.

The tables show the mean damage by white-box attacks: by the single attack that is worst on each
picture, then by the search of the ensemble that is worst on it."""


def ensemble_section(
    single: Sequence[AttackEffect], ensembles: Sequence[AttackEffect], budgets: Sequence[str]
) -> Iterator[str]:
    """Yield the section on ensembles, if there are any.

    Args:
        single: effects of single attacks.
        ensembles: effects of ensembles on the same pictures.
        budgets: labels of all budgets, from the smallest.
    """
    attacked = [effect for effect in ensembles if effect.threat == GRADIENTS]
    if not attacked:
        return
    yield _TEXT
    cases = set(map(_case, attacked))
    compared = [one for one in single if one.threat == GRADIENTS and _case(one) in cases]
    used = [at for at in budgets if any(at == effect.budget for effect in attacked)]
    for goal in GOALS:
        yield from _table(_means(compared, goal), _means(attacked, goal), used, goal)


def _case(effect: AttackEffect) -> tuple[str, str, str]:
    return effect.model.label, effect.budget, effect.picture


def _means(effects: Sequence[AttackEffect], goal: AttackGoal) -> Means:
    """Return the mean of the worst damage per picture, by operating point and budget."""
    worst = worst_per_picture(effects, goal)
    return mean_damage_for_objective(worst, lambda effect: effect.model.label, goal)


def _table(
    single: Means, ensembles: Means, budgets: Sequence[str], goal: AttackGoal
) -> Iterator[str]:
    columns = [(at, means) for at in budgets for means in (single, ensembles)]
    lines = [
        (name, *(damage_text(means, name, at, goal) for at, means in columns))
        for name in dict.fromkeys(name for name, _ in ensembles)
    ]
    if lines:
        headers = (f"{at}: {kind}" for at in budgets for kind in ("single attacks", "ensemble"))
        yield f"Attacks with objective {goal.objective}: {goal.header}"
        yield table(("operating point", *headers), [False, *[True] * len(columns)], lines)
