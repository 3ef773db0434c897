"""Flags: warnings beside a score, such as zero gradients or an attack that is too weak.

For each picture and objective, white-box attacks must be at least as strong as transfer attacks and
noise, and a larger budget at least as strong as a smaller one. Where this does not hold, the search
was too weak and the score is not a worst case. `leaderboard.columns.terms` explains each flag.
`leaderboard.ranking.lower_bounds` finds out which flags concern the figure of a ranking.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import fmean
from typing import TypeAlias

from bench.budget import Budget
from bench.metrics.scores import rd_cost
from bench.registry.component_spec import ComponentSpec
from bench.store.records import CraftRecord, Scores
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.threats import NOISE, UNAWARE, WITHOUT_GRADIENTS

ObjectiveValue: TypeAlias = Callable[[Scores], float]
"""The measured value of an objective, which attacks maximise."""


@dataclass(frozen=True)
class Flag:
    """One warning on a row.

    Attributes:
        name: stored name of the flag; attacks of plugins may report their own.
        count: number of cases it applies to.
        of: number of cases that were checked.
        objective: the objective it concerns, if it concerns one.
        amount: its size, if it has one.
        pictures: names of the pictures that it applies to, if it compares attacks on pictures.
        searches: keys of the searches that it applies to, if it is found by their scores.
    """

    name: str
    count: int
    of: int
    objective: str = ""
    amount: str = ""
    pictures: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    searches: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __str__(self) -> str:
        """Return the flag as exports and entries store it."""
        return self.described_as(self.name)

    def described_as(self, name: str) -> str:
        """Return the flag under another name, with its counts."""
        counts = f"{self.objective} {self.count}/{self.of}".strip()
        return f"{name} ({', '.join(filter(None, (counts, self.amount)))})"


REMARKS = frozenset({"random-start", "goal-not-reached", "no-collision"})
"""Flags that only describe a search. They cast no doubt on a figure."""

MISSING = frozenset({"unfinished", "search-failed"})
"""Flags of evaluations that are missing: the codec has no rank."""

OF_CODEC = frozenset({"randomised"})
"""Flags of the codec itself, which concern every figure under attack."""

_ERRORS = {"source": "mse_source", "clean": "mse_shift", "input": "mse_input"}
_LAMBDA = 0.013
"""Lambda of the objective "rd" where a suite gives none."""

_TOLERANCE = 0.1
"""Largest relative difference between a surrogate's value and the measured one."""


def objective_values(objectives: Iterable[ComponentSpec]) -> dict[str, ObjectiveValue]:
    """Return the measured value of each objective by label; unknown objectives are left out."""
    known = ((str(choice), _objective_value(choice)) for choice in objectives)
    return {label: value for label, value in known if value is not None}


def craft_flags(crafts: Sequence[CraftRecord]) -> Iterator[Flag]:
    """Yield the flags that searches reported, and the number of searches without a picture."""
    counts = Counter(flag for craft in crafts for flag in dict.fromkeys(craft.flags))
    counts["search-failed"] = sum(craft.status == "failed" for craft in crafts)
    for name, count in counts.items():
        if count:
            yield Flag(name, count, len(crafts))


def weak_flags(
    attacks: Sequence[ScoredAttack],
    rivals: Mapping[str, list[ScoredAttack]],
    values: Mapping[str, ObjectiveValue],
) -> Iterator[Flag]:
    """Yield a flag for each rival that was stronger than the attacks.

    Args:
        attacks: on one operating point at one budget.
        rivals: what must not be stronger, by the flag to raise if it is: noise, or attacks with the
            same objective.
        values: the objectives to compare.
    """
    for name, others in rivals.items():
        for objective, value in values.items():
            reached = _strongest(attacks, (objective,), value)
            against = _strongest(others, (objective, None), value)
            both = reached.keys() & against.keys()
            pictures = frozenset(one for one in both if reached[one] < against[one])
            if pictures:
                yield Flag(name, len(pictures), len(both), objective, pictures=pictures)


def rivals(
    threats: Sequence[str], case: CellGroup, smaller: Iterable[CellGroup]
) -> dict[str, list[ScoredAttack]]:
    """Return what must not be stronger than the attacks on an operating point, by flag.

    Args:
        threats: the threats of the attacks.
        case: the operating point.
        smaller: the same operating point at smaller budgets.
    """
    weaker = [threat for threat in (UNAWARE, *WITHOUT_GRADIENTS) if threat not in threats]
    return {
        "weaker-than-noise": case.of(NOISE),
        **{f"weaker-than-{threat}": case.of(threat) for threat in weaker},
        "weaker-than-smaller-budget": [
            attack for other in smaller for attack in other.of(*threats)
        ],
    }


def is_smaller(budget: Budget, other: Budget) -> bool:
    """Return whether two budgets differ only in the radius and the first is smaller."""
    return replace(budget, radius=other.radius) == other and budget.radius < other.radius


def surrogate_flags(
    attacks: Sequence[ScoredAttack], values: Mapping[str, ObjectiveValue]
) -> Iterator[Flag]:
    """Yield, by objective, how many searches saw a value that differs from the measured one.

    For a nondeterministic codec both values are means over draws.

    Args:
        attacks: on one operating point, through its own gradients. Searches on several codecs are
            left out, because their value is a mean over the codecs.
        values: the measured value of each objective.
    """
    searches: dict[str, list[ScoredAttack]] = defaultdict(list)
    for attack in attacks:
        if _has_expectation(attack):
            searches[attack.craft.key].append(attack)
    for objective, value in values.items():
        distances = {
            key: _surrogate_error(draws, value)
            for key, draws in searches.items()
            if draws[0].craft.objective == objective
        }
        off = {key: distance for key, distance in distances.items() if distance > _TOLERANCE}
        if off:
            amount = f"up to {max(off.values()):.0%}"
            yield Flag(
                *("surrogate-off", len(off), len(distances), objective, amount),
                searches=frozenset(off),
            )


def step_flags(
    attacks: Sequence[ScoredAttack],
    choices: Sequence[ComponentSpec],
    values: Mapping[str, ObjectiveValue],
) -> Iterator[Flag]:
    """Yield a flag where an attack was weaker than the same attack with fewer steps.

    Args:
        attacks: on one operating point at one budget.
        choices: the attacks of the suite.
        values: the objectives to compare.
    """
    for _, alike in groupby(sorted(choices, key=_without_steps), key=_without_steps):
        for fewer, more in pairwise(sorted(alike, key=_steps)):
            weaker, stronger = (
                [attack for attack in attacks if attack.craft.attack == str(choice)]
                for choice in (fewer, more)
            )
            yield from weak_flags(stronger, {"weaker-than-fewer-steps": weaker}, values)


def without_header(scores: Scores) -> Scores:
    """Return scores without the bits of the harness's container, which a surrogate ignores."""
    header = scores.bpp * scores.header_bytes / scores.bytes
    return scores.model_copy(
        update={"bpp": scores.bpp - header, "rd_cost": scores.rd_cost - header}
    )


def _objective_value(choice: ComponentSpec) -> ObjectiveValue | None:
    params = dict(choice.params)
    if params.get("planes", "rgb") != "rgb":
        return None
    error = _ERRORS.get(params.get("reference", "source"))
    known: dict[str, ObjectiveValue] = {"rate": attrgetter("bpp")}
    if error is not None:
        lmbda = params.get("lmbda", _LAMBDA)
        known["distortion"] = attrgetter(error)
        known["rd"] = lambda scores: rd_cost(scores.bpp, getattr(scores, error), lmbda)
    return known.get(choice.name)


def _strongest(
    attacks: Iterable[ScoredAttack], objectives: tuple[str | None, ...], value: ObjectiveValue
) -> dict[str, float]:
    """Return the largest measured value of each picture."""
    best: dict[str, float] = {}
    for attack in attacks:
        if attack.craft.objective in objectives:
            reached = value(attack.scores)
            best[attack.picture] = max(reached, best.get(attack.picture, float("-inf")))
    return best


def _has_expectation(attack: ScoredAttack) -> bool:
    """Return whether the search recorded the value that it expects of its picture."""
    craft = attack.craft
    return bool(craft.values) and len(craft.sources) == 1 and not attack.failed


def _surrogate_error(draws: Sequence[ScoredAttack], value: ObjectiveValue) -> float:
    """Return the relative difference of the value that a search expected to the measured one."""
    measured = fmean(value(without_header(draw.scores)) for draw in draws)
    return abs(draws[0].craft.values[-1] - measured) / max(abs(measured), 1e-9)


def _without_steps(choice: ComponentSpec) -> str:
    """Return everything that two attacks must share so that only their steps differ."""
    others = sorted((name, str(value)) for name, value in choice.params if name != "steps")
    return repr((choice.name, others, replace(choice, transfer=None).search_settings))


def _steps(choice: ComponentSpec) -> float:
    return float(dict(choice.params).get("steps", 0))
