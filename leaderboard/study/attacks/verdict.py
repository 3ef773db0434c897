"""What the test of an attack found, in sentences that follow from the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bench.errors import BenchError
from bench.planning.baselines import NOISE
from leaderboard.aggregate.flags import MISSING, REMARKS, craft_flags
from leaderboard.columns.terms import flag_text
from leaderboard.study.attacks.comparison import (
    DAMAGES,
    FEWEST,
    SAME,
    Case,
    Comparison,
    mean_damage,
)
from leaderboard.study.attacks.optimality import Effort
from leaderboard.study.attacks.result import Result, searches_of

_RELATIONS = {
    "stronger": "is stronger than",
    "weaker": "is weaker than",
    "equal": "is as strong as",
    "undecided": "is neither clearly stronger nor clearly weaker than",
}
_MOST_NAMED = 4
"""The largest number of cases that are named one by one."""


def sentences(result: Result) -> Iterator[str]:
    """Yield the verdict, what the comparison cost, and what is wrong with the attack.

    Raises:
        BenchError: there is no case in which `standard` found an adversarial picture.
    """
    yield from _verdict(result)
    yield from _cost(result)
    yield from _against_noise(result)
    yield from _without_picture(result)
    yield from _flags(result)


def _verdict(result: Result) -> Iterator[str]:
    against = result.against(result.names.standard)
    if not against.gains:
        raise BenchError(
            f"nothing can be compared with {against.other}: it found no picture, or no gain is"
            " defined, such as the PSNR drop of a lossless codec; choose another --codec or"
            " --objective"
        )
    yield f"{_relation(result, against)}."
    if against.pictures < FEWEST and against.verdict != "equal":
        yield f"Fewer than {FEWEST} pictures do not decide which attack is stronger."
    elif against.verdict == "undecided" and len(against.objectives) > 1:
        parts = (
            f"for {objective} it {_RELATIONS[own.verdict]} {against.other}"
            for objective, own in against.objectives.items()
        )
        yield f"By objective: {'; '.join(parts)}."


def _relation(result: Result, against: Comparison) -> str:
    """Return which attack is stronger, in how many cases, and the mean damage of both."""
    more, less, count = len(against.more), len(against.less), len(against.gains)
    return (
        f"{against.attack} {_RELATIONS[against.verdict]} {against.other}: it gains more in {more}"
        f" of {count} cases, less in {less}, and the same within {100 * SAME:.0f} % in"
        f" {count - more - less}; {_mean_damages(result, against)}"
    )


def _mean_damages(result: Result, against: Comparison) -> str:
    """Return the mean damage of both attacks for the last objective, the R-D cost if it is one."""
    name = max((case.objective for case in against.gains), key=list(DAMAGES).index)
    cases = [case for case in against.gains if case.objective == name]
    mine, theirs = (
        DAMAGES[name].text(mean_damage(result.found, attack, cases))
        for attack in (against.attack, against.other)
    )
    return f"mean {DAMAGES[name].header} {mine} against {theirs}"


def _cost(result: Result) -> Iterator[str]:
    """Yield whether the attack spent as much as `standard`, and how it does at equal cost."""
    names, mine = result.names, result.effort(result.names.tested)
    theirs = result.effort(names.standard)
    spent = (
        f"for one picture and objective it spent {_text(mine)}, {names.standard} {_text(theirs)}"
    )
    if mine.covers(theirs) and theirs.covers(mine):
        yield f"The cost is equal: {spent}."
        return
    if mine.covers(theirs) or theirs.covers(mine):
        disadvantaged = names.tested if theirs.covers(mine) else names.standard
        yield f"The comparison is unfair to {disadvantaged}: {spent}."
    else:
        yield f"The costs do not compare: {spent}."
    yield from _at_equal_cost(result, mine)


def _at_equal_cost(result: Result, mine: Effort) -> Iterator[str]:
    if result.names.equal is None:
        return
    theirs = result.effort(result.names.equal)
    if mine.covers(theirs) and theirs.covers(mine):
        against = result.against(result.names.equal)
        yield f"At equal cost, against the main search of standard: {_relation(result, against)}."
    else:
        yield (
            f"At equal cost there is nothing to compare: {result.names.equal} spent"
            f" {_text(theirs)}."
        )


def _text(effort: Effort) -> str:
    parts = [
        f"{count} {one if count == 1 else several}"
        for count, one, several in (
            (effort.gradients, "gradient", "gradients"),
            (effort.queries, "query", "queries"),
        )
        if count
    ]
    return f"at most {' and '.join(parts)}" if parts else "nothing"


def _against_noise(result: Result) -> Iterator[str]:
    against = result.against(NOISE)
    if against.gains and against.verdict != "stronger":
        yield f"{_relation(result, against)}."
    if against.less:
        yield f"It gains less than noise in {_listed(against.less)}."


def _listed(cases: Sequence[Case]) -> str:
    named = [f"{one.codec}, {one.objective}, {one.budget}, {one.picture}" for one in cases]
    more = len(named) - _MOST_NAMED
    count = "1 case" if len(named) == 1 else f"{len(named)} cases"
    others = f"; and {more} more" if more > 0 else ""
    return f"{count} ({'; '.join(named[:_MOST_NAMED])}{others})"


def _without_picture(result: Result) -> Iterator[str]:
    """Yield how many searches of both attacks gave no picture, with the most frequent reason."""
    names = result.names.tested, result.names.standard
    for name, run in zip(names, (result.tested, result.standard), strict=True):
        searches = searches_of(name, run)
        reasons = Counter(one.reason for one in searches if one.status != "ok")
        if reasons:
            (reason, _), *_ = reasons.most_common()
            yield (
                f"{name} gave no picture in {reasons.total()} of {len(searches)} searches, which"
                f" count as the source picture: {reason}"
            )


def _flags(result: Result) -> Iterator[str]:
    searches = searches_of(result.names.tested, result.tested)
    flags = (one for one in craft_flags(searches) if one.name not in REMARKS | MISSING)
    texts = "; ".join(map(flag_text, flags))
    if texts:
        yield f"Flags of its searches: {texts}."
