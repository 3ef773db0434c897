"""Which figures of a ranking are too low for all that is known: those marked ">=".

Every attacked cost is a lower bound of what an attacker can reach. A figure is the mean over the
pictures of the highest cost of each picture; the adversarial picture with that cost decides the
picture. A figure is marked if, for at least one of its pictures,

- the search that decides it carries a flag itself: it had not converged, its surrogate was off, its
  gradient was zero, ... (not where the search was on another codec: its flags concern that codec);
- a comparison found the attacks too weak on this picture for the objective of the search that
  decides it: weaker than noise, than transfer, than fewer steps, ...;
- noise, or the attacks at a smaller budget, reached a higher cost on this picture;

or if the codec draws random numbers that it does not declare, so that a score is one draw of many.
A flag of a search that decides no picture says nothing about the figure: another search found more.
Each doubt is counted in pictures of the figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.families import FamilyMember
from leaderboard.aggregate.flags import MISSING, OF_CODEC, REMARKS, Flag
from leaderboard.aggregate.threats import NOISE
from leaderboard.ranking.rd_costs import AttackedCost


def doubts(
    figure: AttackedCost,
    title: str,
    member: FamilyMember,
    kinds: Sequence[str],
    flags: Sequence[Flag],
) -> tuple[Flag, ...]:
    """Return why a figure is marked, each reason with the number of pictures; empty if it is not.

    Args:
        figure: a cost under attack.
        title: its name.
        member: the operating point.
        kinds: the threats that count in the figure.
        flags: the flags of these attacks.
    """
    counts = Counter(
        reason
        for picture, decider in figure.deciders.items()
        for reason in dict.fromkeys(_of_decider(picture, decider, flags))
    )
    found = [
        Flag(name, count, len(figure.values), objective)
        for (name, objective), count in counts.items()
    ]
    of_codec = (flag for flag in flags if flag.name in OF_CODEC)
    return (*found, *_stronger(figure, title, member, kinds), *of_codec)


def _of_decider(
    picture: str, decider: ScoredAttack, flags: Iterable[Flag]
) -> Iterator[tuple[str, str]]:
    """Yield name and objective of the flags that concern what decides a picture."""
    craft = decider.craft
    objective = craft.objective or ""
    if decider.threat != "transfer":
        own = (name for name in craft.flags if name not in REMARKS | MISSING)
        yield from ((name, objective) for name in own)
    for flag in flags:
        is_too_weak = picture in flag.pictures and flag.objective == objective
        if is_too_weak or craft.key in flag.searches:
            yield flag.name, objective


def _stronger(
    figure: AttackedCost, title: str, member: FamilyMember, kinds: Sequence[str]
) -> Iterator[Flag]:
    """Yield a flag for noise and for smaller budgets, where they reached a higher cost."""
    smaller = [attack for case in member.smaller for attack in case.of(*kinds)]
    for name, others in (
        ("weaker-than-noise", member.case.of(NOISE)),
        ("weaker-than-smaller-budget", smaller),
    ):
        pictures = {one.picture for one in others if _exceeds(one, figure)}
        if pictures:
            yield Flag(name, len(pictures), len(figure.values), title)


def _exceeds(other: ScoredAttack, figure: AttackedCost) -> bool:
    reached = figure.values.get(other.picture)
    return reached is not None and figure.cost(other.scores) > reached.value
