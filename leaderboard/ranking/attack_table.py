"""What each attack does to each codec: the effect of every attack of a suite by itself.

    scored pictures of a codec --by attack--> highest J of each picture --> mean / clean mean

An attack counts with all its objectives and starts. The effect is the same figure as 'increase' in
a ranking, of which the attacks together give the largest. The members of the ensemble `standard`
are attacks of their own; where a suite has other attacks too, or two modes or versions of it, each
ensemble is also given as one, so that they can be compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.families import Family
from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.aggregate.threats import GRADIENTS, NOISE, QUERIES
from leaderboard.aggregate.worst_case import by_picture
from leaderboard.ranking.ranking import Ranking, Scope, main_rankings
from leaderboard.ranking.rd_costs import LAMBDAS, Costs, Ratio, costs, highest, ratio

ALL_ATTACKS = "all attacks"
"""Title of the attacks together, without noise."""


@dataclass(frozen=True)
class AttackEffects:
    """The effect of each attack on one codec.

    Attributes:
        family: name of the codec.
        codec: label of the operating point with the lowest clean J.
        effects: mean J under the attack relative to mean clean J, by the title of the attack.
        strongest: the attack that found most of the highest J, with its count unless it found all;
            empty if the codec was not attacked.
    """

    family: str
    codec: str
    effects: Mapping[str, Ratio]
    strongest: str


@dataclass(frozen=True)
class AttackTable:
    """The codecs of one list at the middle lambda, and the effect of each attack on them.

    Attributes:
        scope: the list.
        titles: the attacks, noise last.
        lines: one for each codec with clean scores.
    """

    scope: Scope
    titles: tuple[str, ...]
    lines: tuple[AttackEffects, ...]


def attack_tables(rankings: Iterable[Ranking]) -> Iterator[AttackTable]:
    """Yield a table for each list of codecs that were attacked alike."""
    for ranking in main_rankings(rankings):
        families = [line.family for line in ranking.standings]
        known = [(one, costs(one, ranking.kinds, ranking.lmbda)) for one in families]
        lines = tuple(_line(one, cost, ranking.kinds) for one, cost in known if cost)
        titles = dict.fromkeys(title for line in lines for title in line.effects)
        if lines:
            yield AttackTable(ranking.scope, tuple(titles), lines)


def _line(family: Family, cost: Costs, kinds: Sequence[str]) -> AttackEffects:
    codec = cost.member.row.place.codec
    return AttackEffects(family.name, codec, dict(_effects(cost, kinds)), _strongest(cost))


def _effects(cost: Costs, kinds: Sequence[str]) -> Iterator[tuple[str, Ratio]]:
    case = cost.member.case
    for title, attacks in (*_titled(case.of(*kinds)), *_single(case.of(NOISE))):
        groups = {name: one for name, one in by_picture(attacks).items() if name in cost.clean}
        found = ratio(highest(groups, LAMBDAS[1]).values, cost.clean)
        if found is not None:
            yield title, found


def _titled(attacks: Sequence[ScoredAttack]) -> Iterator[tuple[str, Sequence[ScoredAttack]]]:
    """Yield all attacks together, each ensemble that is not all of them, and each attack."""
    yield ALL_ATTACKS, attacks
    members = (one for one in attacks if ensemble_of(one.craft.attack) != one.craft.attack)
    for title, group in _grouped((ensemble_of(one.craft.attack), one) for one in members):
        if len(group) < len(attacks):
            yield title, group
    yield from _single(attacks)


def _single(attacks: Iterable[ScoredAttack]) -> Iterator[tuple[str, Sequence[ScoredAttack]]]:
    yield from _grouped((_title(one), one) for one in attacks)


def _grouped(
    attacks: Iterable[tuple[str, ScoredAttack]],
) -> Iterator[tuple[str, Sequence[ScoredAttack]]]:
    groups: dict[str, list[ScoredAttack]] = defaultdict(list)
    for title, attack in attacks:
        groups[title].append(attack)
    yield from groups.items()


def _title(attack: ScoredAttack) -> str:
    """Return the label of an attack, with its threat unless the victim itself was searched."""
    is_own = attack.threat in {GRADIENTS, QUERIES, NOISE}
    return attack.craft.attack if is_own else f"{attack.craft.attack} ({attack.threat})"


def _strongest(cost: Costs) -> str:
    deciders = cost.attacked.deciders.values()
    if not deciders:
        return ""
    (title, count), *others = Counter(map(_title, deciders)).most_common()
    return f"{title} ({count}/{len(deciders)})" if others else title
