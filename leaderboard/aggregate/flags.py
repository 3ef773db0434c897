"""What a reader must know beside a score: dead gradients, attacks weaker than they may be.

White-box >= transfer >= noise, and a larger budget is never weaker: for what an attack wanted, per
picture. Where that does not hold the search was too weak and the score says little.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import fmean
from typing import TypeAlias

from bench.budget import Budget
from bench.metrics.scores import rd_cost
from bench.registry.registry import ComponentSpec
from bench.store.records import CraftRecord, Scores
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.threats import NOISE, UNAWARE, WITHOUT_GRADIENTS

Aim: TypeAlias = Callable[[Scores], float]
"""What an objective makes large, as it was measured."""


@dataclass(frozen=True)
class Flag:
    """One remark on a row.

    Attributes:
        name: what is remarked, a key of `ADVICE`, or what somebody's attack says.
        count: of how many it is true.
        of: how many were looked at.
        objective: what the attack wanted, where the remark is about one objective.
        amount: by how much, where that can be said.
    """

    name: str
    count: int
    of: int
    objective: str = ""
    amount: str = ""

    def __str__(self) -> str:
        told = f"{self.objective} {self.count}/{self.of}".strip()
        return f"{self.name} ({', '.join(filter(None, (told, self.amount)))})"


ADVICE = {
    "zero-gradient": "the gradient was zero all along in so many of the searches, which"
    " never moved but at random; that is no robustness: try another objective, or mend the codec's"
    " surrogate.",
    "random-start": "the objective was flat at the source picture in so many of the searches, which"
    " therefore began at a random picture of the budget, as they do against C(x).",
    "nan-gradient": "the gradient was not a number at times in so many of the searches, and was"
    " taken as zero there: look for roots, logarithms and divisions in the codec's surrogate.",
    "flat-loss": "the objective had the same value all along in so many of the searches, though its"
    " gradient was not zero: the surrogate's gradient is not that of its values; try attacks that"
    " ask the codec without gradients, and mend the surrogate.",
    "still-rising": "the last quarter of the search still brought more than a tenth of all that it"
    " gained, in so many of the searches: with more steps they would have found worse.",
    "randomised": "the codec gave other bytes for the same picture when it was asked again, for so"
    " many of the source pictures: one score of it is one draw, and a search against one draw"
    " understates it; declare it `bench.codec.Randomised`.",
    "surrogate-off": "what the search believed of its picture is more than 10 % away from what"
    " really became of it, in so many of the searches: the attack followed another codec than the"
    " one that is scored; compare the surrogate's reconstruction and bits with real ones"
    " (`bench check CODEC`).",
    "unchanged": "the attacked picture is the source picture itself, in so many of the searches:"
    " the search, after rounding, changed nothing, so its scores say nothing of the codec; try a"
    " larger budget, random starts (`pgd`), or another objective.",
    "queries-spent": "the attack asked for more queries than it declares, in so many of the"
    " searches, which were ended there; the best picture until then was scored: let its"
    " `evaluations` say how many it needs.",
    "weaker-than-noise": "noise did more than the attack for what the attack wanted, on so many of"
    " the pictures; the row is no worst case: try more steps, restarts or a smaller step size, and"
    " for transferred pictures sources nearer to the codec.",
    "weaker-than-unaware": "pictures made without knowing of the defences did more than those made"
    " knowing of them, on so many of the pictures; the search through the defences is too weak, and"
    " they look stronger than they are: try more steps or draws, or another surrogate.",
    "weaker-than-transfer": "pictures made against other codecs did more than those made against"
    " this one, on so many of the pictures; its gradients mislead the search: try more steps or"
    " restarts, and compare the codec's surrogate with its real output.",
    "weaker-than-black-box": "asking the codec without gradients did more than following them, on"
    " so many of the pictures; its gradients mislead the search: compare its surrogate with its"
    " real output.",
    "weaker-than-smaller-budget": "a smaller budget did more, on so many of the pictures; the"
    " search stops too early: try more steps or a smaller step size.",
    "weaker-than-fewer-steps": "the same attack with fewer steps did more, on so many of the"
    " pictures; the search is at the mercy of chance: try restarts, or a smaller step size.",
    "search-failed": "so many of the searches gave no picture inside the budget; their reasons are"
    " listed below.",
    "unfinished": "so many cells of the run are measured; continue it, the figures may change.",
}
"""What each flag of ours means and what to try."""

REMARKS = frozenset({"random-start"})
"""Flags that tell how a search began, and cast no doubt on what it found."""

_ERRORS = {"source": "mse_source", "clean": "mse_shift", "input": "mse_input"}
_LAMBDA = 0.013
"""Of the objective "rd" where a suite gives none."""

OTHERS_ADVICE = "reported by the attack itself; see its documentation."


def aims(objectives: Iterable[ComponentSpec]) -> dict[str, Aim]:
    """Return the measured value of each objective by label; of unknown ones nothing."""
    known = ((str(choice), _aim(choice)) for choice in objectives)
    return {label: aim for label, aim in known if aim is not None}


def craft_flags(crafts: Sequence[CraftRecord]) -> Iterator[Flag]:
    """Yield what the searches themselves noticed, and how many gave no picture."""
    counts = Counter(flag for craft in crafts for flag in dict.fromkeys(craft.flags))
    counts["search-failed"] = sum(craft.status == "failed" for craft in crafts)
    for name, count in counts.items():
        if count:
            yield Flag(name, count, len(crafts))


def weak_flags(
    attacks: Sequence[ScoredAttack],
    rivals: Mapping[str, list[ScoredAttack]],
    wanted: Mapping[str, Aim],
) -> Iterator[Flag]:
    """Yield by what the attacks were outdone.

    Args:
        attacks: on one operating point at one budget.
        rivals: what must not be stronger, by the flag it gives if it is: noise, or attacks that
            wanted the same.
        wanted: the objectives to compare.
    """
    for name, others in rivals.items():
        for objective, aim in wanted.items():
            reached = _strongest(attacks, (objective,), aim)
            against = _strongest(others, (objective, None), aim)
            both = reached.keys() & against.keys()
            count = sum(reached[picture] < against[picture] for picture in both)
            if count:
                yield Flag(name, count, len(both), objective)


def rivals(
    kinds: Sequence[str], case: CellGroup, smaller: Iterable[CellGroup]
) -> dict[str, list[ScoredAttack]]:
    """Return what the attacks on an operating point must not be weaker than, by flag.

    Args:
        kinds: those of its attacks.
        case: the operating point.
        smaller: it, at smaller budgets.
    """
    weaker = [kind for kind in (UNAWARE, *WITHOUT_GRADIENTS) if kind not in kinds]
    return {
        "weaker-than-noise": case.of(NOISE),
        **{f"weaker-than-{kind}": case.of(kind) for kind in weaker},
        "weaker-than-smaller-budget": [one for other in smaller for one in other.of(*kinds)],
    }


def is_smaller(ball: Budget, other: Budget) -> bool:
    """Tell whether a budget lies inside another one that differs in its radius alone."""
    return replace(ball, radius=other.radius) == other and ball.radius < other.radius


def _aim(choice: ComponentSpec) -> Aim | None:
    params = dict(choice.params)
    if params.get("planes", "rgb") != "rgb":
        return None
    error = _ERRORS.get(params.get("reference", "source"))
    known: dict[str, Aim] = {"rate": attrgetter("bpp")}
    if error is not None:
        lmbda = params.get("lmbda", _LAMBDA)
        known["distortion"] = attrgetter(error)
        known["rd"] = lambda scores: rd_cost(scores.bpp, getattr(scores, error), lmbda)
    return known.get(choice.name)


def _strongest(
    found: Iterable[ScoredAttack], objectives: tuple[str | None, ...], aim: Aim
) -> dict[str, float]:
    """Return the largest measured value of each picture."""
    best: dict[str, float] = {}
    for one in found:
        if one.craft.objective in objectives:
            best[one.picture] = max(aim(one.scores), best.get(one.picture, float("-inf")))
    return best


_OFF = 0.1
"""How far a surrogate may be from what really happens, as a share."""


def surrogate_flags(attacks: Sequence[ScoredAttack], wanted: Mapping[str, Aim]) -> Iterator[Flag]:
    """Yield for how many searches, by objective, the best value seen is not what was measured.

    Of a codec that draws, what was seen and what is measured are means over draws.

    Args:
        attacks: on one operating point, through its own gradients; those through others' as well
            are left out, since what they saw was the mean of all.
        wanted: the measured value of each objective.
    """
    searches: dict[str, list[ScoredAttack]] = defaultdict(list)
    for one in attacks:
        if _believed(one):
            searches[one.craft.key].append(one)
    for objective, aim in wanted.items():
        looked = [
            _distance(
                draws[0].craft.values[-1], fmean(aim(without_header(one.scores)) for one in draws)
            )
            for draws in searches.values()
            if draws[0].craft.objective == objective
        ]
        off = [distance for distance in looked if distance > _OFF]
        if off:
            yield Flag("surrogate-off", len(off), len(looked), objective, f"up to {max(off):.0%}")


def step_flags(
    attacks: Sequence[ScoredAttack], choices: Sequence[ComponentSpec], wanted: Mapping[str, Aim]
) -> Iterator[Flag]:
    """Yield where an attack did less than the same one with fewer steps.

    Args:
        attacks: on one operating point at one budget.
        choices: the suite's attacks.
        wanted: the objectives to compare.
    """
    for _, alike in groupby(sorted(choices, key=_kind), key=_kind):
        ladder = sorted(alike, key=_steps)
        for fewer, more in pairwise(ladder):
            weaker, stronger = (
                [one for one in attacks if one.craft.attack == str(choice)]
                for choice in (fewer, more)
            )
            yield from weak_flags(stronger, {"weaker-than-fewer-steps": weaker}, wanted)


def without_header(scores: Scores) -> Scores:
    """Return scores as if the harness's container cost nothing; a surrogate knows none."""
    header = scores.bpp * scores.header_bytes / scores.bytes
    return scores.model_copy(
        update={"bpp": scores.bpp - header, "rd_cost": scores.rd_cost - header}
    )


def _believed(one: ScoredAttack) -> bool:
    """Tell whether a search saw what should have become of its picture."""
    return bool(one.craft.values) and len(one.craft.sources) == 1 and not one.failed


def _distance(believed: float, measured: float) -> float:
    return abs(believed - measured) / max(abs(measured), 1e-9)


def _kind(choice: ComponentSpec) -> str:
    others = sorted((name, str(value)) for name, value in choice.params if name != "steps")
    return repr((choice.name, others))


def _steps(choice: ComponentSpec) -> float:
    return float(dict(choice.params).get("steps", 0))
