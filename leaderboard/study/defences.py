"""Codecs behind defences, and without, compared by what attacks cost both.

A codec is compared with itself without the defence, in the same run, on the same pictures: what it
suffered there, what pictures made against it do behind the defence (unaware), and what pictures do
that were made through the defence (adaptive).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Literal, TypeAlias

from bench.registry.registry import ComponentSpec
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, ScoredAttack, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS, UNAWARE
from leaderboard.study.adversarial_training import WANTED

ENOUGH = 0.5
"""The share of the damage that a defence must undo to be said to hold."""

Verdict: TypeAlias = Literal["holds", "hides", "fails"]
"""Enough is undone of both attackers; of the unaware one alone; not even of that one."""

_NO_DAMAGE = 1e-12


@dataclass(frozen=True)
class LossUnderAttack:
    """What attacks with one objective did: of each picture the search that hurt most by it.

    Attributes:
        pictures: by name, every draw of that search.
        worst: by name, the one draw of any search that was worst.
        objective: what hurt is measured by.
    """

    pictures: dict[str, list[ScoredAttack]]
    worst: dict[str, ScoredAttack]
    objective: str

    @property
    def by(self) -> dict[str, float]:
        """What the objective wants, of each picture, mean over draws."""
        wanted = WANTED[self.objective]
        return {
            name: fmean(wanted(one.scores) for one in draws)
            for name, draws in self.pictures.items()
        }

    @property
    def mean(self) -> float:
        """The mean of that over the pictures."""
        return fmean(self.by.values())


@dataclass(frozen=True)
class DefenceComparison:
    """A codec behind a defence, and without.

    Attributes:
        name: its label.
        plain: the label of the codec without it.
        kind: the codec's name and the defence, alike for all qualities.
        bare: the codec without it, at every budget.
        own: the codec behind it.
    """

    name: str
    plain: str
    kind: str
    bare: Mapping[str, CellGroup]
    own: Mapping[str, CellGroup]

    @property
    def objectives(self) -> list[str]:
        """What it was attacked for, through itself."""
        first = next(iter(self.own.values()))
        known = {(craft.objective or "").split()[0] for craft in first.crafts.get(GRADIENTS, ())}
        return [objective for objective in WANTED if objective in known]

    def attacked(
        self, budget: str, objective: str
    ) -> tuple[LossUnderAttack, LossUnderAttack, LossUnderAttack]:
        """Return what the bare codec suffered, and the defended one unaware and adaptive."""
        own = self.own[budget]
        return (
            suffered(self.bare[budget], GRADIENTS, objective),
            suffered(own, UNAWARE, objective),
            suffered(own, GRADIENTS, objective),
        )

    def undone(self, budget: str, objective: str) -> tuple[float, float]:
        """Return the shares of the bare codec's damage that are gone, unaware and adaptive."""
        _, *others = self.attacked(budget, objective)
        unaware, adaptive = (undone(self.bare[budget], one) for one in others)
        return unaware, adaptive

    def left(self, budget: str, objective: str) -> float:
        """Return the damage to it, from its own unattacked state, as a share of the bare codec's.

        The stronger attacker counts, picture by picture.
        """
        bare, unaware, adaptive = self.attacked(budget, objective)
        worse = fmean(max(adaptive.by[name], unaware.by[name]) for name in adaptive.by)
        before, own = (clean(case[budget], objective) for case in (self.bare, self.own))
        return (worse - own) / max(bare.mean - before, _NO_DAMAGE)

    def verdict(self, budget: str, objective: str) -> Verdict:
        """Return whether it holds, hides or does neither."""
        unaware, adaptive = self.undone(budget, objective)
        if min(unaware, adaptive) >= ENOUGH:
            return "holds"
        return "hides" if unaware >= ENOUGH else "fails"


def guarded(run: Run) -> list[DefenceComparison]:
    """Return every codec of a run that is behind a defence."""
    told = setting(run)
    found = cases(run, told)
    bare = {_signature(choice): label for label, choice in _plain(run).items()}

    def at_budgets(label: str) -> dict[str, CellGroup]:
        return {str(ball): found[label, str(ball)] for ball in told.balls}

    return [
        DefenceComparison(
            label,
            bare[_signature(choice)],
            " + ".join((choice.name, *map(str, choice.defence))),
            at_budgets(bare[_signature(choice)]),
            at_budgets(label),
        )
        for label, choice in told.choices.items()
        if choice.defence
    ]


def trained(run: Run) -> list[str]:
    """Return the labels of other weights than those of the codecs behind defences."""
    behind = {_signature(one) for one in setting(run).choices.values() if one.defence}
    return [
        label
        for label, choice in _plain(run).items()
        if _signature(choice) not in behind and label in run.manifest.gradients
    ]


def suffered(case: CellGroup, threat: str, objective: str) -> LossUnderAttack:
    """Return what pictures of one kind did, the worst search of each source."""
    wanted = WANTED[objective]
    made: dict[str, dict[str, list[ScoredAttack]]] = defaultdict(lambda: defaultdict(list))
    for one in case.of(threat):
        if (one.craft.objective or "").split()[0] == objective:
            made[one.picture][one.craft.key].append(one)

    def hurt(draws: Sequence[ScoredAttack]) -> float:
        return fmean(wanted(one.scores) for one in draws)

    return LossUnderAttack(
        {name: max(searches.values(), key=hurt) for name, searches in made.items()},
        {
            name: max(chain(*searches.values()), key=lambda one: wanted(one.scores))
            for name, searches in made.items()
        },
        objective,
    )


def undone(bare: CellGroup, one: LossUnderAttack) -> float:
    """Return the share of a bare codec's damage that another codec does not suffer."""
    plain = suffered(bare, GRADIENTS, one.objective).mean
    return (plain - one.mean) / max(plain - clean(bare, one.objective), _NO_DAMAGE)


def clean(case: CellGroup, objective: str) -> float:
    """Return what the objective wants, of pictures that nobody attacked, mean."""
    return fmean(map(WANTED[objective], case.clean.values()))


def _plain(run: Run) -> dict[str, ComponentSpec]:
    return {
        label: choice
        for label, choice in setting(run).choices.items()
        if not choice.defence and label in run.manifest.codecs
    }


def _signature(choice: ComponentSpec) -> str:
    return repr((choice.name, sorted(choice.params, key=str)))
