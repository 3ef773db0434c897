"""The data of the study of Sun et al. (arXiv 2401.10345): what makes an attack strong?

    runs --> [AttackEffect]      one adversarial picture, scored on one model
         --> axis x budget       attack method, model, quality, objective

The damage of an attack is counted in the terms of its objective: the PSNR drop in per cent, and the
increase of the rate and of the R-D cost as ratios to the values of the clean picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from bench.registry.component_spec import ComponentSpec
from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.bootstrap import Estimate, geometric_mean, mean
from leaderboard.aggregate.cases import CellGroup, ScoredAttack, cases
from leaderboard.aggregate.families import common_name, family_key
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.formatting import factor, percent
from leaderboard.study.adversarial_training import HARDENED_SUFFIX
from leaderboard.study.losses import objective_name


@dataclass(frozen=True)
class AttackGoal:
    """An objective of attacks, and how its damage is counted.

    Attributes:
        objective: its name in a suite.
        header: title of the damage.
        damage: of one adversarial picture; None where it is undefined.
        average: the mean over pictures.
        text: the damage as text.
    """

    objective: str
    header: str
    damage: Callable[[Scores], float | None]
    average: Callable[[Iterable[float | None]], Estimate | None]
    text: Callable[[float], str]


GOALS = (
    AttackGoal("distortion", "PSNR drop, %", lambda scores: scores.drop_percent, mean, percent),
    AttackGoal(
        "rate", "rate increase (ratio)", lambda scores: scores.bpp_factor, geometric_mean, factor
    ),
    AttackGoal(
        "rd", "R-D cost increase (ratio)", lambda scores: scores.rd_factor, geometric_mean, factor
    ),
)


@dataclass(frozen=True)
class Model:
    """One operating point of the study.

    Attributes:
        label: its label in the suite.
        family: the same at every quality setting, and for the hardened version.
        quality_index: its position within the family, by the clean rate from the lowest.
        hardened: whether it was adversarially trained.
        learned: whether it offers gradients.
    """

    label: str
    family: str
    quality_index: int
    hardened: bool
    learned: bool


@dataclass(frozen=True)
class AttackEffect:
    """One adversarial picture and its effect on one model.

    Attributes:
        model: the victim.
        attack: label of the attack.
        objective: name of the objective; empty for noise.
        budget: label of the budget.
        threat: how the picture was made, as seen from the victim.
        picture: name of the source picture.
        craft: key of the search that made it.
        sources: labels of the codecs that the search used.
        flags: flags of the search.
        scores: scores of the bitstream.
    """

    model: Model
    attack: str
    objective: str
    budget: str
    threat: str
    picture: str
    craft: str
    sources: tuple[str, ...]
    flags: tuple[str, ...]
    scores: Scores


Axis: TypeAlias = Callable[[AttackEffect], str]
"""The label of the table row that an effect belongs to."""

Means: TypeAlias = dict[tuple[str, str], Estimate]
"""Mean damage, by row label and budget."""


def models(run: Run) -> list[Model]:
    """Return the operating points of a run without the lossless reference."""
    suite = setting(run)
    groups = cases(run, suite)
    specs = {label: spec for label, spec in suite.choices.items() if label not in suite.references}
    families: dict[str, list[str]] = defaultdict(list)
    for label in specs:
        families[_family(label, specs)].append(label)
    members = {label: families[_family(label, specs)] for label in specs}
    return [
        Model(
            label=label,
            family=common_name([name.removesuffix(HARDENED_SUFFIX) for name in members[label]]),
            quality_index=_quality_index(label, members[label], suite, groups),
            hardened=label.endswith(HARDENED_SUFFIX),
            learned=label in run.manifest.gradients,
        )
        for label in specs
    ]


def collect_effects(runs: Iterable[Run]) -> list[AttackEffect]:
    """Return the effects of several runs; a search that several runs share counts once."""
    effects: list[AttackEffect] = []
    known: set[tuple[str, str]] = set()
    for run in runs:
        new = [effect for effect in run_effects(run) if _identity(effect) not in known]
        known.update(map(_identity, new))
        effects += new
    return effects


def run_effects(run: Run) -> list[AttackEffect]:
    """Return the effect of every scored adversarial picture of a run."""
    suite = setting(run)
    groups = cases(run, suite)
    return [
        _effect(model, scored)
        for model in models(run)
        for budget in suite.balls
        for scored in groups[model.label, str(budget)].scored
    ]


def white_box_on_plain(effects: Iterable[AttackEffect]) -> list[AttackEffect]:
    """Return the effects of white-box attacks on models that are not hardened."""
    return [
        effect for effect in effects if effect.threat == GRADIENTS and not effect.model.hardened
    ]


def worst_per_picture(effects: Iterable[AttackEffect], goal: AttackGoal) -> list[AttackEffect]:
    """Return the worst attack with an objective, for each model, budget and picture."""
    worst: dict[tuple[str, str, str], tuple[float, AttackEffect]] = {}
    for effect in effects:
        damage = goal.damage(effect.scores)
        if effect.objective != goal.objective or damage is None:
            continue
        key = (effect.model.label, effect.budget, effect.picture)
        if key not in worst or damage > worst[key][0]:
            worst[key] = damage, effect
    return [effect for _, effect in worst.values()]


def mean_damage_for_objective(
    effects: Iterable[AttackEffect], axis: Axis, goal: AttackGoal
) -> Means:
    """Return the mean damage by axis and budget, of attacks with the goal's objective."""
    wanted = (effect for effect in effects if effect.objective == goal.objective)
    return mean_damage(wanted, axis, goal)


def mean_damage(effects: Iterable[AttackEffect], axis: Axis, goal: AttackGoal) -> Means:
    """Return the mean damage by axis and budget, of attacks with any objective."""
    damages: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for effect in effects:
        damages[axis(effect), effect.budget].append(goal.damage(effect.scores))
    means = ((key, goal.average(values)) for key, values in damages.items())
    return {key: estimate for key, estimate in means if estimate is not None}


def damage_text(means: Means, name: str, budget: str, goal: AttackGoal) -> str:
    """Return the mean damage of a row at a budget as text; a dash where there is none."""
    estimate = means.get((name, budget))
    return "–" if estimate is None else goal.text(estimate.mean)


def budget_labels(runs: Sequence[Run]) -> list[str]:
    """Return the labels of all budgets, by kind and then from the smallest."""
    budgets = {str(budget): budget for run in runs for budget in setting(run).balls}
    return sorted(budgets, key=lambda label: (budgets[label].kind, budgets[label].radius))


def gradients_per_attack(runs: Sequence[Run]) -> dict[str, int]:
    """Return the largest number of gradients of a search, by attack label."""
    gradients: dict[str, int] = {}
    for run in runs:
        for craft in run.crafts.values():
            if craft.sources:
                gradients[craft.attack] = max(craft.gradients, gradients.get(craft.attack, 0))
    return gradients


def _identity(effect: AttackEffect) -> tuple[str, str]:
    return effect.craft, effect.model.label


def _family(label: str, specs: Mapping[str, ComponentSpec]) -> str:
    """Return the key that all quality settings of a model and its hardened versions share."""
    plain = label.removesuffix(HARDENED_SUFFIX)
    return family_key(specs.get(plain, specs[label]))


def _quality_index(
    label: str,
    members: Sequence[str],
    suite: SuiteInfo,
    groups: dict[tuple[str, str], CellGroup],
) -> int:
    budget = str(suite.balls[0])
    hardened = label.endswith(HARDENED_SUFFIX)
    comparable = [name for name in members if name.endswith(HARDENED_SUFFIX) == hardened]
    return sorted(comparable, key=lambda name: _clean_bpp(groups[name, budget])).index(label)


def _clean_bpp(group: CellGroup) -> float:
    return fmean(scores.bpp for scores in group.clean.values()) if group.clean else 0.0


def _effect(model: Model, scored: ScoredAttack) -> AttackEffect:
    return AttackEffect(
        model=model,
        attack=scored.craft.attack,
        objective=objective_name(scored.craft),
        budget=scored.craft.budget,
        threat=scored.threat,
        picture=scored.picture,
        craft=scored.craft.key,
        sources=scored.craft.sources,
        flags=scored.craft.flags,
        scores=scored.scores,
    )
