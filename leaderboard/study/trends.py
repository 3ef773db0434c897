"""Plain sentences on what holds along an axis, with their figures and their exceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.threats import GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.study.classical_codecs import delivered
from leaderboard.study.effects import TARGETS, AttackEffect, AttackGoal, averages, harms, own, worst

_SHOWN = 4

_Means: TypeAlias = Mapping[tuple[str, str], Estimate]
"""By the label of a codec and the budget."""

_Losses: TypeAlias = Mapping[tuple[str, str], float]
"""Likewise, of means alone."""

_KINDS = (("learned codecs", False), ("hardened ones", True))

_Outcome: TypeAlias = tuple[str, str, bool]
"""Of what, at which budget, and whether the claim holds."""


def of_methods(found: Sequence[AttackEffect], steps: Mapping[str, int]) -> Iterator[str]:
    """Yield for each attack of several steps how often it did more than the others before it."""
    mine = own(found)
    single = [attack for attack, count in steps.items() if 0 < count <= 2]
    iterated = [attack for attack, count in steps.items() if count > 2]
    for index, many in enumerate(iterated):
        for one in (*single, *iterated[:index]):
            seen: list[_Outcome] = []
            for target in TARGETS:
                means = averages(mine, lambda e: f"{e.attack}\0{e.model.label}", target)
                for (who, budget), mean in means.items():
                    attack, _, model = who.partition("\0")
                    other = means.get((f"{one}\0{model}", budget))
                    if attack == many and other is not None:
                        what = f"{target.objective} of {model}"
                        seen.append((what, budget, mean.mean > other.mean))
            yield _told(f"{many} did more than {one}", seen)


def of_qualities(found: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield for each target how often the higher of two neighbouring qualities lost more."""
    places = {(e.model.family, e.model.label): e.model.place for e in own(found)}
    for target in TARGETS:
        seen: list[_Outcome] = []
        means = averages(worst(own(found), target), lambda e: e.model.label, target)
        for (family, low), place in places.items():
            for (other, high), above in places.items():
                if family != other or above != place + 1:
                    continue
                for budget in dict.fromkeys(budget for _, budget in means):
                    less, more = means.get((low, budget)), means.get((high, budget))
                    if less is not None and more is not None:
                        seen.append((high, budget, more.mean > less.mean))
        yield _told(f"{target.objective}: the higher of two neighbouring qualities lost more", seen)


def of_models(found: Sequence[AttackEffect], labels: Sequence[str]) -> Iterator[str]:
    """Yield for each target which family lost most at each budget."""
    for target in TARGETS:
        means = averages(worst(own(found), target), lambda e: e.model.family, target)
        first = [_most(means, budget, target) for budget in labels]
        if any(first):
            yield f"{target.objective}: most fragile is {'; '.join(filter(None, first))}."


def of_classical(found: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield for each target and codec without gradients how often it lost less than learned ones.

    The learned ones are attacked through their own gradients, the others by transfer and queries:
    that is how each can be attacked, and no like for like.
    """
    attacked = [e for e in found if e.threat in {GRADIENTS, *WITHOUT_GRADIENTS}]
    others = [e for e in attacked if not e.model.learned]
    for target in TARGETS:
        ours = averages(worst(others, target), lambda e: e.model.label, target)
        for kind, hardened in _KINDS:
            rivals = [e for e in attacked if e.model.learned and e.model.hardened is hardened]
            learned = [e for e in rivals if e.threat == GRADIENTS]
            theirs = averages(worst(learned, target), lambda e: e.model.label, target)
            for label in dict.fromkeys(who for who, _ in ours):
                claim = f"{target.objective}: {label} lost less than {kind}"
                yield from _against(claim, label, _values(ours), _values(theirs))
    for kind, hardened in _KINDS:
        learned = [e for e in attacked if e.model.learned and e.model.hardened is hardened]
        theirs_left, ours_left = (
            {where: -psnr for where, psnr in delivered(mine).items()}
            for mine in ([e for e in learned if e.threat == GRADIENTS], others)
        )
        for label in dict.fromkeys(who for who, _ in ours_left):
            claim = f"PSNR under attack: {label} delivered more dB than {kind}"
            yield from _against(claim, label, ours_left, theirs_left)


def _values(means: _Means) -> dict[tuple[str, str], float]:
    return {where: estimate.mean for where, estimate in means.items()}


def _against(claim: str, label: str, ours: _Losses, theirs: _Losses) -> Iterator[str]:
    """Yield how often one codec lost less than others at the same budget, if they had one."""
    mine = {budget: lost for (who, budget), lost in ours.items() if who == label}
    seen = [(who, at, mine[at] < lost) for (who, at), lost in theirs.items() if at in mine]
    if seen:
        yield _told(claim, seen)


def _most(means: _Means, budget: str, target: AttackGoal) -> str:
    there = {who: mean.mean for (who, at), mean in means.items() if at == budget}
    if not there:
        return ""
    first, *others = sorted(there, key=lambda name: -there[name])
    second = f", then {others[0]} with {target.text(there[others[0]])}" if others else ""
    return f"{first} at {budget} with {target.text(there[first])}{second}"


def _told(claim: str, seen: Sequence[_Outcome]) -> str:
    """Return a claim with its exceptions: each if they are few, else how many at each budget."""
    if not seen:
        return f"{claim}: nothing to compare."
    exceptions = [(who, budget) for who, budget, holds in seen if not holds]
    told = f"{claim} in {len(seen) - len(exceptions)} of {len(seen)} comparisons"
    if not exceptions:
        return f"{told}, without exception."
    each = [f"{who} at {budget}" for who, budget in exceptions]
    counts = Counter(budget for _, budget in exceptions)
    order = dict.fromkeys(budget for _, budget, _ in seen)
    many = [f"{counts[budget]} at {budget}" for budget in order if counts[budget]]
    return f"{told}; exceptions: {', '.join(each if len(each) <= _SHOWN else many)}."


def reservations(found: Sequence[AttackEffect]) -> Iterator[str]:
    """Yield how many searches ended with which flag, and where noise did more than attacks."""
    yield from _flagged(own(found))
    for target in TARGETS:
        yield from _weaker(found, target)


def _flagged(mine: Sequence[AttackEffect]) -> Iterator[str]:
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


def _weaker(found: Sequence[AttackEffect], target: AttackGoal) -> Iterator[str]:
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


def _attacks(found: Sequence[AttackEffect]) -> list[AttackEffect]:
    return [one for one in found if one.threat != NOISE]


def _label(one: AttackEffect) -> str:
    return one.model.label
