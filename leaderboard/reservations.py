"""What must be known of the attacks of a study: searches that rose on, noise that did more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from leaderboard.study import TARGETS, Effect, Target, harms, own, worst
from leaderboard.threats import NOISE


def reservations(found: Sequence[Effect]) -> Iterator[str]:
    """Yield how many searches ended with which flag, and where noise did more than attacks."""
    yield from _flagged(own(found))
    for target in TARGETS:
        yield from _weaker(found, target)


def _flagged(mine: Sequence[Effect]) -> Iterator[str]:
    """Yield for each flag of searches through gradients how often, and where most often."""
    flags = dict.fromkeys(flag for one in mine for flag in one.flags)
    of = Counter((one.target, one.budget) for one in mine)
    for flag in flags:
        marked = Counter((one.target, one.budget) for one in mine if flag in one.flags)
        where = max(marked, key=lambda at: marked[at] / of[at])
        yield (
            f"{flag}: {marked.total()} of {len(mine)} searches through gradients, most often at"
            f" {where[1]} where {where[0]} was wanted ({marked[where]} of {of[where]})."
        )


def _weaker(found: Sequence[Effect], target: Target) -> Iterator[str]:
    """Yield where the mean of noise is above that of the attacks that wanted a target."""
    attacked = harms(worst(_attacks(found), target), _label, target)
    noise = harms([one for one in found if one.threat == NOISE], _label, target)
    for (label, budget), mean in noise.items():
        attack = attacked.get((label, budget))
        if attack is not None and mean.mean > attack.mean:
            yield (
                f"{target.header}: noise of {budget} did more to {label} than its attacks,"
                f" {target.text(mean.mean)} against {target.text(attack.mean)}."
            )


def _attacks(found: Sequence[Effect]) -> list[Effect]:
    return [one for one in found if one.threat != NOISE]


def _label(one: Effect) -> str:
    return one.model.label
