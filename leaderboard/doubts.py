"""Doubts about searches that scores raise: a surrogate that misleads, steps that do not help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from statistics import fmean

from bench.record import Scores
from bench.registry import Choice
from leaderboard.cells import Scored
from leaderboard.flags import Aim, Flag, weak_flags

_OFF = 0.1
"""How far a surrogate may be from what really happens, as a share."""


def surrogate_flags(attacks: Sequence[Scored], wanted: Mapping[str, Aim]) -> Iterator[Flag]:
    """Yield for how many searches, by objective, the best value seen is not what was measured.

    Of a codec that draws, what was seen and what is measured are means over draws.

    Args:
        attacks: on one operating point, through its own gradients; those through others' as well
            are left out, since what they saw was the mean of all.
        wanted: the measured value of each objective.
    """
    searches: dict[str, list[Scored]] = defaultdict(list)
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
    attacks: Sequence[Scored], choices: Sequence[Choice], wanted: Mapping[str, Aim]
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


def _believed(one: Scored) -> bool:
    """Tell whether a search saw what should have become of its picture."""
    return bool(one.craft.values) and len(one.craft.sources) == 1 and not one.failed


def _distance(believed: float, measured: float) -> float:
    return abs(believed - measured) / max(abs(measured), 1e-9)


def _kind(choice: Choice) -> str:
    others = sorted((name, str(value)) for name, value in choice.params if name != "steps")
    return repr((choice.name, others))


def _steps(choice: Choice) -> float:
    return float(dict(choice.params).get("steps", 0))
