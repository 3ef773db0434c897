"""Defended codecs compared with the bare codec of the same run, by the damage of attacks.

Three worst cases count: white-box attacks on the bare codec, defence-unaware attacks on the
defended codec (adversarial examples made against the bare codec), and adaptive attacks on the
defended codec (adversarial examples made through the defence).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from bench.registry.component_spec import ComponentSpec
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS, UNAWARE
from leaderboard.study.losses import (
    OBJECTIVE_VALUES,
    LossUnderAttack,
    clean_mean,
    objective_name,
    worst_case,
)

EFFECTIVE_SHARE = 0.5
"""The share of the damage that an effective defence removes, at least."""

Verdict: TypeAlias = Literal["effective", "defence-unaware only", "ineffective"]
"""Against both attacks; only against the defence-unaware attack; not even against that one."""

_SMALLEST_DAMAGE = 1e-12


@dataclass(frozen=True)
class DefenceComparison:
    """A defended codec and the same codec without the defence.

    Attributes:
        name: label of the defended codec.
        bare_name: label of the bare codec.
        kind: the codec's name and the defence, the same at every quality setting.
        bare: results of the bare codec, by budget.
        defended: results of the defended codec, by budget.
    """

    name: str
    bare_name: str
    kind: str
    bare: Mapping[str, CellGroup]
    defended: Mapping[str, CellGroup]

    @property
    def objectives(self) -> list[str]:
        """The objectives of the adaptive attacks."""
        first = next(iter(self.defended.values()))
        attacked = {objective_name(craft) for craft in first.crafts.get(GRADIENTS, ())}
        return [objective for objective in OBJECTIVE_VALUES if objective in attacked]

    @property
    def is_attacked(self) -> bool:
        """Whether there are adaptive attacks on the defended codec."""
        return any(GRADIENTS in group.crafts for group in self.defended.values())

    def losses(
        self, budget: str, objective: str
    ) -> tuple[LossUnderAttack, LossUnderAttack, LossUnderAttack]:
        """Return three worst cases: of the bare codec, defence-unaware and adaptive."""
        defended = self.defended[budget]
        return (
            worst_case(self.bare[budget], GRADIENTS, objective),
            worst_case(defended, UNAWARE, objective),
            worst_case(defended, GRADIENTS, objective),
        )

    def removed(self, budget: str, objective: str) -> tuple[float, float]:
        """Return the shares of the damage that are removed, defence-unaware and adaptive."""
        _, unaware, adaptive = self.losses(budget, objective)
        bare = self.bare[budget]
        return damage_removed(bare, unaware), damage_removed(bare, adaptive)

    def remaining(self, budget: str, objective: str) -> float:
        """Return the damage to the defended codec as a share of the damage to the bare codec.

        It is measured from the defended codec's own clean value. The stronger of both attacks
        counts on each picture.
        """
        bare, unaware, adaptive = self.losses(budget, objective)
        attacked = fmean(
            max(adaptive.by_picture[name], unaware.by_picture[name]) for name in adaptive.by_picture
        )
        value = OBJECTIVE_VALUES[objective]
        clean_bare = clean_mean(self.bare[budget], value)
        clean_defended = clean_mean(self.defended[budget], value)
        return (attacked - clean_defended) / max(bare.mean - clean_bare, _SMALLEST_DAMAGE)

    def weaker_adaptive(self, budget: str, objective: str) -> tuple[int, int]:
        """Return on how many pictures the adaptive attack is the weaker one, and of how many."""
        _, unaware, adaptive = self.losses(budget, objective)
        weaker = sum(
            value < unaware.by_picture[name] for name, value in adaptive.by_picture.items()
        )
        return weaker, len(adaptive.by_picture)

    def verdict(self, budget: str, objective: str) -> Verdict:
        """Return whether the defence is effective, and against which attack."""
        unaware, adaptive = self.removed(budget, objective)
        if min(unaware, adaptive) >= EFFECTIVE_SHARE:
            return "effective"
        return "defence-unaware only" if unaware >= EFFECTIVE_SHARE else "ineffective"


def defence_comparisons(run: Run) -> list[DefenceComparison]:
    """Return a comparison for every defended codec of a run."""
    suite = setting(run)
    groups = cases(run, suite)
    bare_names = {_weights(spec): label for label, spec in _undefended(run).items()}

    def by_budget(label: str) -> dict[str, CellGroup]:
        return {str(budget): groups[label, str(budget)] for budget in suite.balls}

    return [
        DefenceComparison(
            name=label,
            bare_name=bare_names[_weights(spec)],
            kind=" + ".join((spec.name, *map(str, spec.defence))),
            bare=by_budget(bare_names[_weights(spec)]),
            defended=by_budget(label),
        )
        for label, spec in suite.choices.items()
        if spec.defence
    ]


def other_weights(run: Run) -> list[str]:
    """Return the undefended learned codecs with other weights than the defended ones."""
    defended = {_weights(spec) for spec in setting(run).choices.values() if spec.defence}
    return [
        label
        for label, spec in _undefended(run).items()
        if _weights(spec) not in defended and label in run.manifest.gradients
    ]


def damage_removed(bare: CellGroup, loss: LossUnderAttack) -> float:
    """Return the share of a bare codec's damage that another codec does not have.

    Args:
        bare: results of the bare codec.
        loss: the worst case of the other codec.
    """
    attacked = worst_case(bare, GRADIENTS, loss.objective).mean
    damage = attacked - clean_mean(bare, OBJECTIVE_VALUES[loss.objective])
    return (attacked - loss.mean) / max(damage, _SMALLEST_DAMAGE)


def _undefended(run: Run) -> dict[str, ComponentSpec]:
    return {
        label: spec
        for label, spec in setting(run).choices.items()
        if not spec.defence and label in run.manifest.codecs
    }


def _weights(spec: ComponentSpec) -> str:
    """Return what a defended codec and its bare codec have in common."""
    return repr((spec.name, sorted(spec.params, key=str)))
