"""The question of Sun et al. (arXiv 2401.10345): what makes an attack strong?

    Runs --> [Effect]            one attacked picture, coded by the model it was made against
         --> axis x budget       attack method, model, quality, target

A target is what an attack wanted; the harm is counted in its own terms: PSNR lost in per cent,
bitstream and R-D cost by those of the clean picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from bench.registry.registry import ComponentSpec
from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.bootstrap import Estimate, geometric_mean, mean
from leaderboard.aggregate.cases import CellGroup, ScoredAttack, cases
from leaderboard.aggregate.families import common_name, family_key
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.formatting import factor, percent
from leaderboard.study.adversarial_training import SUFFIX


@dataclass(frozen=True)
class AttackGoal:
    """What attacks may want, and how their harm is counted.

    Attributes:
        objective: its name in a suite.
        header: of the harm.
        harm: of one attacked picture; None where there is none.
        average: over pictures.
        text: of a harm.
    """

    objective: str
    header: str
    harm: Callable[[Scores], float | None]
    average: Callable[[Iterable[float | None]], Estimate | None]
    text: Callable[[float], str]


TARGETS = (
    AttackGoal("distortion", "PSNR lost, %", lambda scores: scores.drop_percent, mean, percent),
    AttackGoal("rate", "bitstream", lambda scores: scores.bpp_factor, geometric_mean, factor),
    AttackGoal("rd", "R-D cost", lambda scores: scores.rd_factor, geometric_mean, factor),
)


@dataclass(frozen=True)
class Model:
    """One operating point of the study.

    Attributes:
        label: the suite's.
        family: the same for all its qualities, and for its hardened twin.
        place: of its quality within the family, the lowest rate first.
        hardened: whether it was trained against attacks.
        learned: whether it offers gradients.
    """

    label: str
    family: str
    place: int
    hardened: bool
    learned: bool


@dataclass(frozen=True)
class AttackEffect:
    """One attacked picture and what it did.

    Attributes:
        model: that coded it.
        attack: its label.
        target: what it wanted; empty for noise.
        budget: its label.
        threat: how it was made, seen from the model.
        picture: name of its source.
        craft: key of the search that made it.
        sources: what the search looked at, by label.
        flags: what it noticed.
        scores: of the bytes.
    """

    model: Model
    attack: str
    target: str
    budget: str
    threat: str
    picture: str
    craft: str
    sources: tuple[str, ...]
    flags: tuple[str, ...]
    scores: Scores


Axis: TypeAlias = Callable[[AttackEffect], str]
"""What the rows of a table are."""


def models(run: Run) -> list[Model]:
    """Return the operating points of a run, the lossless one left out."""
    told = setting(run)
    found = cases(run, told)
    chosen = {k: c for k, c in told.choices.items() if k not in told.references}
    groups: dict[str, list[str]] = defaultdict(list)
    for label, choice in chosen.items():
        groups[_kin(label, choice)].append(label)
    return [
        Model(
            label=label,
            family=common_name([one.removesuffix(SUFFIX) for one in groups[_kin(label, choice)]]),
            place=_place(label, groups[_kin(label, choice)], told, found),
            hardened=label.endswith(SUFFIX),
            learned=label in run.manifest.gradients,
        )
        for label, choice in chosen.items()
    ]


def gathered(runs: Iterable[Run]) -> list[AttackEffect]:
    """Return the effects of several runs; of a search that several made, those of the first."""
    found: list[AttackEffect] = []
    known: set[tuple[str, str]] = set()
    for run in runs:
        new = [one for one in effects(run) if (one.craft, one.model.label) not in known]
        known |= {(one.craft, one.model.label) for one in new}
        found += new
    return found


def effects(run: Run) -> list[AttackEffect]:
    """Return every attacked picture of a run that was scored, with the operating point it hurt."""
    told = setting(run)
    found = cases(run, told)
    return [
        _effect(model, scored)
        for model in models(run)
        for ball in told.balls
        for scored in found[model.label, str(ball)].scored
    ]


def own(found: Iterable[AttackEffect]) -> list[AttackEffect]:
    """Return the pictures that plain models were given through their own gradients."""
    return [one for one in found if one.threat == GRADIENTS and not one.model.hardened]


def worst(found: Iterable[AttackEffect], target: AttackGoal) -> list[AttackEffect]:
    """Return, of the attacks that wanted something, the worst of each picture on each model."""
    best: dict[tuple[str, str, str], AttackEffect] = {}
    for one in found:
        harm = target.harm(one.scores)
        if one.target != target.objective or harm is None:
            continue
        key = (one.model.label, one.budget, one.picture)
        if key not in best or harm > (target.harm(best[key].scores) or 0.0):
            best[key] = one
    return list(best.values())


def averages(
    found: Iterable[AttackEffect], axis: Axis, target: AttackGoal
) -> dict[tuple[str, str], Estimate]:
    """Return the mean harm by value of an axis and budget, of attacks that wanted it."""
    return harms((one for one in found if one.target == target.objective), axis, target)


def harms(
    found: Iterable[AttackEffect], axis: Axis, target: AttackGoal
) -> dict[tuple[str, str], Estimate]:
    """Return the mean harm by value of an axis and budget, whatever the attacks wanted."""
    groups: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for one in found:
        groups[axis(one), one.budget].append(target.harm(one.scores))
    made = ((key, target.average(values)) for key, values in groups.items())
    return {key: estimate for key, estimate in made if estimate is not None}


def budgets(runs: Sequence[Run]) -> list[str]:
    """Return the labels of all budgets, of each kind the smallest first."""
    balls = {str(ball): ball for run in runs for ball in setting(run).balls}
    return sorted(balls, key=lambda label: (balls[label].kind, balls[label].radius))


def steps_of(runs: Sequence[Run]) -> dict[str, int]:
    """Return how many gradients each attack takes at most, by label, as its searches counted."""
    taken: dict[str, int] = {}
    for run in runs:
        for craft in run.crafts.values():
            if craft.sources:
                taken[craft.attack] = max(craft.gradients, taken.get(craft.attack, 0))
    return taken


def _kin(label: str, choice: ComponentSpec) -> str:
    """Return what a plain model, its twin and their other qualities have in common."""
    key = family_key(choice)
    return key.removesuffix("-hardened") if label.endswith(SUFFIX) else key


def _place(
    label: str, group: Sequence[str], told: SuiteInfo, found: dict[tuple[str, str], CellGroup]
) -> int:
    ball = str(told.balls[0])
    alike = [one for one in group if one.endswith(SUFFIX) == label.endswith(SUFFIX)]
    return sorted(alike, key=lambda one: _clean_bpp(found[one, ball])).index(label)


def _clean_bpp(case: CellGroup) -> float:
    return fmean(scores.bpp for scores in case.clean.values()) if case.clean else 0.0


def _effect(model: Model, scored: ScoredAttack) -> AttackEffect:
    words: Iterator[str] = iter((scored.craft.objective or "").split())
    return AttackEffect(
        model=model,
        attack=scored.craft.attack,
        target=next(words, ""),
        budget=scored.craft.budget,
        threat=scored.threat,
        picture=scored.picture,
        craft=scored.craft.key,
        sources=scored.craft.sources,
        flags=scored.craft.flags,
        scores=scored.scores,
    )
