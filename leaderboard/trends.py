"""Plain sentences on what holds along an axis, with their figures and their exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leaderboard.statistics import Estimate
from leaderboard.study import TARGETS, Effect, Target, averages, own, worst
from leaderboard.threats import GRADIENTS, WITHOUT_GRADIENTS

_SHOWN = 4


def of_methods(found: Sequence[Effect], steps: Mapping[str, int]) -> Iterator[str]:
    """Yield for each attack of several steps how often it did more than the one-step ones."""
    mine = own(found)
    single = [attack for attack, count in steps.items() if 0 < count <= 2]
    for many in (attack for attack, count in steps.items() if count > 2):
        for one in single:
            compared, exceptions = 0, []
            for target in TARGETS:
                means = averages(mine, lambda e: f"{e.attack}\0{e.model.label}", target)
                for (who, budget), mean in means.items():
                    attack, _, model = who.partition("\0")
                    other = means.get((f"{one}\0{model}", budget))
                    if attack != many or other is None:
                        continue
                    compared += 1
                    if mean.mean < other.mean:
                        exceptions.append(f"{target.objective} of {model} at {budget}")
            yield _told(f"{many} did more than {one}", compared, exceptions)


def of_qualities(found: Sequence[Effect]) -> Iterator[str]:
    """Yield for each target how often the higher of two neighbouring qualities lost more."""
    places = {(e.model.family, e.model.label): e.model.place for e in own(found)}
    for target in TARGETS:
        compared, exceptions = 0, []
        means = averages(worst(own(found), target), lambda e: e.model.label, target)
        for (family, low), place in places.items():
            for (other, high), above in places.items():
                if family != other or above != place + 1:
                    continue
                for budget in dict.fromkeys(budget for _, budget in means):
                    pair = means.get((low, budget)), means.get((high, budget))
                    if pair[0] is None or pair[1] is None:
                        continue
                    compared += 1
                    if pair[1].mean < pair[0].mean:
                        exceptions.append(f"{high} at {budget}")
        told = f"{target.objective}: the higher of two neighbouring qualities lost more"
        yield _told(told, compared, exceptions)


def of_models(found: Sequence[Effect], labels: Sequence[str]) -> Iterator[str]:
    """Yield for each target which family lost most at each budget."""
    for target in TARGETS:
        means = averages(worst(own(found), target), lambda e: e.model.family, target)
        first = [_most(means, budget, target) for budget in labels]
        if any(first):
            yield f"{target.objective}: most fragile is {'; '.join(filter(None, first))}."


def of_classical(found: Sequence[Effect]) -> Iterator[str]:
    """Yield for each target how often a codec without gradients lost less than learned ones.

    The learned ones are attacked through their own gradients, the others by transfer and queries:
    that is how each can be attacked, and no like for like.
    """
    for target in TARGETS:
        attacked = [e for e in found if e.threat in {GRADIENTS, *WITHOUT_GRADIENTS}]
        learned = [e for e in attacked if e.model.learned and e.threat == GRADIENTS]
        others = [e for e in attacked if not e.model.learned]
        theirs = averages(worst(learned, target), lambda e: e.model.label, target)
        ours = averages(worst(others, target), lambda e: e.model.label, target)
        compared, exceptions = 0, []
        for (label, budget), mean in ours.items():
            for (rival, at), other in theirs.items():
                if at == budget:
                    compared += 1
                    if mean.mean > other.mean:
                        exceptions.append(f"{label} against {rival} at {budget}")
        yield _told(f"{target.objective}: codecs without gradients lost less", compared, exceptions)


def _most(means: Mapping[tuple[str, str], Estimate], budget: str, target: Target) -> str:
    there = {who: mean.mean for (who, at), mean in means.items() if at == budget}
    if not there:
        return ""
    who = max(there, key=lambda name: there[name])
    return f"{who} at {budget} ({target.text(there[who])})"


def _told(claim: str, compared: int, exceptions: Sequence[str]) -> str:
    if not compared:
        return f"{claim}: nothing to compare."
    shown = ", ".join(exceptions[:_SHOWN])
    more = f" and {len(exceptions) - _SHOWN} more" if len(exceptions) > _SHOWN else ""
    told = f"{claim} in {compared - len(exceptions)} of {compared} comparisons"
    return f"{told}; exceptions: {shown}{more}." if exceptions else f"{told}, without exception."
