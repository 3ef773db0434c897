"""One attack against `standard`: the two suites of a test.

    AttackTest --tested()---> the attack, a search of standard with as many evaluations, noise
               --standard()-> the ensemble standard, noise

Both have the same codecs, pictures, objectives and budgets. They are two runs, so that the next
version of an attack, or the same attack with other parameters, does not repeat the searches of
`standard`, which take most of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bench.attack import Attack
from bench.errors import ConfigError
from bench.planning.resolve import make_attack, make_codec, operating_point
from bench.registry import plugins
from bench.registry.registry import Component, entries
from bench.suite.fields import single
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.aggregate.suite_info import ensemble_of

Item: TypeAlias = Mapping[str, Any]
"""An item of a list in a suite, or a block."""

STANDARD = "standard"

BUNDLED: Sequence[Item] = [
    {"name": name, "checkpoint": f"{name}-small-q4", "label": label}
    for name, label in (
        ("bmshj2018-factorized", "factorized q4"),
        ("bmshj2018-hyperprior", "hyperprior q4"),
        ("mbt2018-mean", "mean q4"),
    )
]
"""The codecs of a test that names none: a bundled model of each architecture."""

_SEARCHES = {"gradient": ("shrinking-apgd", "steps"), "queries": ("square", "queries")}
"""The main search of `standard`, and its number of evaluations, by what an attack needs."""


@dataclass(frozen=True)
class AttackTest:
    """A request to compare one attack with `standard`.

    Attributes:
        attack: the attack, as an item of a suite.
        codecs: the codecs, as items of a suite.
        images: the pictures, as the `images:` block of a suite.
        objectives: names of the objectives.
        budgets: the budgets, as in a suite.
        plugins: files and modules that the attack or the codecs come from.
    """

    attack: Item
    codecs: Sequence[Item]
    images: Item
    objectives: Sequence[str]
    budgets: Sequence[Item]
    plugins: Sequence[str] = ()

    @property
    def label(self) -> str:
        """The label of the attack, as results have it."""
        return ensemble_of(str(self._choice))

    @property
    def equal_label(self) -> str | None:
        """The label of the search of `standard` with as many evaluations; None without one."""
        return None if self._equal is None else str(self._equal["label"])

    def standard(self) -> Suite:
        """Return the suite of `standard`.

        Raises:
            ConfigError: a codec, a picture set or a budget is not valid.
        """
        return _on_listed(self._suite("attack-test-standard", [{"name": STANDARD}]))

    def tested(self) -> Suite:
        """Return the suite of the attack.

        Raises:
            ConfigError: the attack is not valid, or needs gradients that a codec does not offer.
        """
        attacks = [self.attack] if self._equal is None else [self.attack, self._equal]
        suite = self._suite("attack-test", attacks)
        if self._made.needs == "gradient":
            self._require_gradients(suite)
        return suite if self._made.needs == "nothing" else _on_listed(suite)

    def _suite(self, name: str, attacks: Sequence[Item]) -> Suite:
        suite = {
            "name": name,
            "plugins": list(self.plugins),
            "images": dict(self.images),
            "codecs": [dict(codec) for codec in self.codecs],
            "attacks": [dict(attack) for attack in attacks],
            "objectives": list(self.objectives),
            "budgets": [dict(budget) for budget in self.budgets],
            "transfer": "none",
            "compute": {"threads": 1},
        }
        return parse(yaml.safe_dump(suite), "the command line", Suite)

    def _require_gradients(self, suite: Suite) -> None:
        for choice in suite.operating_points:
            if not operating_point(choice, make_codec(choice)).differentiable:
                raise ConfigError(
                    f"the attack '{self.label}' needs gradients, which the codec '{choice}' does"
                    " not offer; name codecs that do with --codec, or test an attack by queries"
                )

    @cached_property
    def _choice(self) -> Component:
        for name in self.plugins:
            plugins.load(name, Path())
        if self.attack["name"] in entries("ensemble"):
            raise ConfigError(
                f"'{self.attack['name']}' is an ensemble of attacks; name a single attack"
            )
        try:
            return single("attack", dict(self.attack))
        except ValueError as error:
            raise ConfigError(str(error)) from error

    @cached_property
    def _made(self) -> Attack:
        return make_attack(self._choice)

    @cached_property
    def _equal(self) -> Item | None:
        """The search of `standard` with as many evaluations; None if this is the attack itself."""
        name, evaluations = _SEARCHES.get(self._made.needs, (self._choice.name, ""))
        if name == self._choice.name:
            return None
        count = self._made.evaluations
        found = {"name": name, evaluations: count, "label": f"{name} {evaluations}={count}"}
        return found | ({"rounding": "none"} if self._made.needs == "gradient" else {})


def _on_listed(suite: Suite) -> Suite:
    """Return a suite without searches on the bare versions of its defended codecs."""
    return suite.model_copy(update={"sources": tuple(map(str, suite.operating_points))})


def standard_label(suite: Suite) -> str:
    """Return the label of the ensemble in the suite of `standard`."""
    return ensemble_of(str(suite.all_attacks[0]))
