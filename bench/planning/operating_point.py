"""Codecs and attacks as planning sees them: what can change their results, and what they offer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.attack import Need
from bench.metric import Metric
from bench.registry.registry import Component


@dataclass(frozen=True)
class OperatingPoint:
    """One operating point as planning sees it.

    Attributes:
        choice: its name and parameters.
        fingerprint: what its codec says of itself.
        differentiable: whether it offers gradients.
        random: whether it draws random numbers.
    """

    choice: Component
    fingerprint: str
    differentiable: bool
    random: bool = False

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @cached_property
    def identity(self) -> list[object]:
        """What can change its output: what it says of itself, its name and its parameters."""
        return [self.fingerprint, self.choice.name, self.choice.signature]

    def is_defended_version_of(self, other: OperatingPoint) -> bool:
        """Tell whether it is the other one behind defences."""
        return bool(self.choice.defence) and not other.choice.defence and self._bare == other._bare

    @cached_property
    def _bare(self) -> list[object]:
        return [self.choice.name, self.choice.bare.signature]


@dataclass(frozen=True)
class PlannedAttack:
    """An attack as planning sees it; see `bench.attack.Attack` for what the attributes mean."""

    choice: Component
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int

    @cached_property
    def identity(self) -> list[object]:
        """What can change what it finds: its name, its version and its parameters."""
        return [self.choice.name, self.version, self.choice.signature]

    @property
    def uses_target(self) -> bool:
        """Whether it asks a codec anything."""
        return self.need != "nothing"

    @property
    def queries(self) -> int:
        """How many queries of each picture it declares."""
        return self.evaluations if self.need == "queries" else 0


@dataclass(frozen=True)
class NamedMetric:
    """A metric that a suite names.

    Attributes:
        choice: its name and parameters.
        metric: itself.
    """

    choice: Component
    metric: Metric

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @property
    def identity(self) -> list[object]:
        """What can change its values, and what they are called."""
        name = self.choice.name
        return [self.label, name, self.metric.version, self.choice.signature]


@dataclass(frozen=True)
class ScoringSpec:
    """What a suite says of scoring.

    Attributes:
        rd_lambda: weight of 255^2 MSE in the R-D cost.
        vmaf: whether VMAF is scored too.
        yardsticks: the metrics that are asked besides.
    """

    rd_lambda: float
    vmaf: bool = False
    yardsticks: tuple[NamedMetric, ...] = ()

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What of it can change the scores of a cell, as the parts of a key."""
        named = [one.identity for one in self.yardsticks]
        return {"scores": [self.rd_lambda, self.vmaf], **({"metrics": named} if named else {})}
