"""The worst case of a picture, and what it would be if the starts of its searches were drawn again.

A search is an attack with an objective on the same sources; its N starts differ only in their
random numbers. A resample draws N of the N starts of every search, with replacement, and takes the
worst of all searches. Its distribution has a closed form, so no start is drawn here:

    P(nothing worse than v) = product over the searches of (share of its starts not worse than v)^N

With one start for every search each resample is the worst case itself. Searches are resampled
independently, also where one begins at the picture that another one found.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from leaderboard.aggregate.bootstrap import Sampled
from leaderboard.aggregate.cases import ScoredAttack


@dataclass(frozen=True)
class Worst:
    """The worst adversarial picture of one source picture.

    Attributes:
        attack: the worst of all.
        resampled: the pictures that can be the worst of a resample, the least harmful first, each
            with the probability that nothing worse is drawn. The last one is `attack`, with 1.
    """

    attack: ScoredAttack
    resampled: tuple[tuple[ScoredAttack, float], ...]

    def of(self, value: Callable[[ScoredAttack], float]) -> Sampled:
        """Return a value of the worst picture, and its values under other starts."""
        outcomes = ((value(attack), chance) for attack, chance in self.resampled)
        return Sampled(value(self.attack), tuple(outcomes))

    def sampled(self, value: Callable[[ScoredAttack], float | None]) -> Sampled | None:
        """Return the same of a value that some pictures lack; they are left out of the resamples.

        None if the worst picture lacks it.
        """
        own = value(self.attack)
        if own is None:
            return None
        known = ((value(attack), chance) for attack, chance in self.resampled)
        return Sampled(own, tuple((one, chance) for one, chance in known if one is not None))


def worst(group: Sequence[ScoredAttack], harm: Callable[[ScoredAttack], float]) -> Worst:
    """Return the worst of the adversarial pictures of one source picture.

    Args:
        group: at least one adversarial picture.
        harm: what is largest for the worst one; of several, the first counts.
    """
    starts = list(_by_start(group, harm))
    attack = max(group, key=harm)
    if len(starts) == len(set(map(_search, starts))):
        return Worst(attack, ((attack, 1.0),))
    starts.reverse()
    starts.sort(key=harm)
    return Worst(attack, tuple(_resampled(starts)))


def _by_start(
    group: Iterable[ScoredAttack], harm: Callable[[ScoredAttack], float]
) -> Iterable[ScoredAttack]:
    """Return the worst draw of each start; a randomised codec is scored on several draws."""
    found: dict[Hashable, ScoredAttack] = {}
    for attack in group:
        key = (*_search(attack), attack.craft.start)
        if key not in found or harm(attack) > harm(found[key]):
            found[key] = attack
    return found.values()


def _resampled(ordered: Sequence[ScoredAttack]) -> Iterator[tuple[ScoredAttack, float]]:
    """Yield the pictures that can be the worst, each with the probability of nothing worse."""
    sizes = Counter(map(_search, ordered))
    below: Counter[Hashable] = Counter()
    for attack in ordered:
        below[_search(attack)] += 1
        chance = math.prod((below[search] / size) ** size for search, size in sizes.items())
        if chance:
            yield attack, chance


def _search(attack: ScoredAttack) -> tuple[Hashable, ...]:
    craft = attack.craft
    return attack.threat, craft.attack, craft.objective, craft.sources, craft.budget
