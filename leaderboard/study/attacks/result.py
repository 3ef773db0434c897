"""The two runs of the test of an attack, read: what each attack found, and what it spent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bench.errors import BenchError
from bench.planning.baselines import NOISE
from bench.store.records import CraftRecord
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import ensemble_of, setting
from leaderboard.study.attacks.comparison import (
    DAMAGES,
    Case,
    Comparison,
    Found,
    compared,
    strongest_in_cases,
)
from leaderboard.study.attacks.optimality import Effort, Optimality, optimalities
from leaderboard.study.effects import AttackEffect, run_effects


@dataclass(frozen=True)
class Names:
    """The labels of the attacks of a test, of ensembles without their members.

    Attributes:
        tested: the attack.
        standard: the ensemble.
        equal: the search of `standard` with as many evaluations as the attack, if there is one.
    """

    tested: str
    standard: str
    equal: str | None

    @property
    def all(self) -> list[str]:
        """All labels, noise last."""
        names = (self.tested, self.standard, self.equal, NOISE)
        return list(dict.fromkeys(name for name in names if name is not None))


@dataclass(frozen=True)
class Result:
    """The runs of a test, read.

    Attributes:
        names: the labels of the attacks.
        tested: the run of the attack.
        standard: the run of `standard`.
    """

    names: Names
    tested: Run
    standard: Run

    @cached_property
    def found(self) -> Found:
        """The strongest search of every attack in every case."""
        return strongest_in_cases(self._effects)

    @cached_property
    def optimalities(self) -> list[Optimality]:
        """The optimality of every attack."""
        return optimalities(self._runs, self._effects)

    @cached_property
    def cases(self) -> list[Case]:
        """The cases in which any attack has an adversarial picture, by codec and objective."""
        cases = dict.fromkeys(case for searches in self.found.values() for case in searches)
        return sorted(cases, key=self._place)

    def effort(self, attack: str) -> Effort:
        """Return the largest effort of an attack for one picture and objective."""
        own = [one.effort for one in self.optimalities if one.attack == attack]
        return Effort(
            max((effort.gradients for effort in own), default=0),
            max((effort.queries for effort in own), default=0),
        )

    def against(self, other: str) -> Comparison:
        """Return the attack compared with another one."""
        return compared(self.found, self.names.tested, other)

    def _place(self, case: Case) -> tuple[int, int, int]:
        """Return the place of a case by codec, objective and budget, as the suite lists them."""
        budgets = [str(budget) for budget in setting(self.tested).balls]
        codecs, objectives = list(self.tested.manifest.codecs), list(DAMAGES)
        return (
            codecs.index(case.codec),
            objectives.index(case.objective),
            budgets.index(case.budget),
        )

    @property
    def _runs(self) -> tuple[Run, Run]:
        return self.tested, self.standard

    @cached_property
    def _effects(self) -> list[AttackEffect]:
        """The effects on the codecs that were searched, for the objectives of the test."""
        searches = (one for run in self._runs for one in run.crafts.values())
        searched = {label for one in searches for label in one.sources}
        wanted = {"", *(str(one) for one in setting(self.tested).all_objectives)}
        return [
            effect
            for run in self._runs
            for effect in run_effects(run)
            if effect.model.label in searched and effect.objective in wanted
        ]


def require_pictures(attack: str, run: Run) -> None:
    """Check that an attack found an adversarial picture at all.

    Args:
        attack: its label.
        run: its run.

    Raises:
        BenchError: it found none; the message has the reason of the first search.
    """
    searches = searches_of(attack, run)
    if all(one.status != "ok" for one in searches):
        first = searches[0]
        raise BenchError(
            f"the attack '{attack}' gave no picture in {len(searches)} searches; the first one, on"
            f" {first.picture}, ended with: {first.reason}"
        )


def searches_of(name: str, run: Run) -> list[CraftRecord]:
    """Return the searches of an attack in a run, those of all members of an ensemble."""
    return [one for one in run.crafts.values() if ensemble_of(one.attack) == name]
