"""The properties of codecs, attacks and metrics that planning needs, and their parts of a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.attack import Need
from bench.metric import AnyMetric, RecodingMetric
from bench.registry.registry import Component


@dataclass(frozen=True)
class OperatingPoint:
    """One operating point of a codec.

    Attributes:
        choice: name and parameters of the codec.
        fingerprint: the codec's fingerprint.
        differentiable: whether the codec has gradients.
        random: whether the codec draws random numbers.
    """

    choice: Component
    fingerprint: str
    differentiable: bool
    random: bool = False

    @property
    def label(self) -> str:
        """The label in records and on the leaderboard."""
        return str(self.choice)

    @cached_property
    def identity(self) -> list[object]:
        """The part of a key: fingerprint, name and parameters."""
        return [self.fingerprint, self.choice.name, self.choice.signature]

    def is_defended_version_of(self, other: OperatingPoint) -> bool:
        """Return whether this codec is the other codec with defences."""
        mine, theirs = self.choice, other.choice
        is_other = bool(mine.defence) and not theirs.defence
        return is_other and mine.bare_identity == theirs.bare_identity


def joint_label(sources: Sequence[OperatingPoint]) -> str:
    """Return the label of operating points that are attacked jointly."""
    return " + ".join(point.label for point in sources)


@dataclass(frozen=True)
class PlannedAttack:
    """An attack; `bench.attack.Attack` explains the attributes."""

    choice: Component
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int

    @cached_property
    def identity(self) -> list[object]:
        """The part of a key: name, version, parameters, and settings that are not the defaults."""
        extensions = f"{self.choice.extensions} extensions" if self.choice.extensions else None
        settings = filter(None, (self.choice.rounding, extensions))
        return [self.choice.name, self.version, self.choice.signature, *settings]

    @property
    def uses_target(self) -> bool:
        """Whether it needs gradients or queries of a codec."""
        return self.need != "nothing"

    @property
    def queries(self) -> int:
        """The number of queries per picture; 0 for attacks that use none."""
        return self.evaluations if self.need == "queries" else 0


@dataclass(frozen=True)
class NamedMetric:
    """A metric that a suite names.

    Attributes:
        choice: name and parameters of the metric.
        metric: the metric.
    """

    choice: Component
    metric: AnyMetric

    @property
    def label(self) -> str:
        """The label in records and on the leaderboard."""
        return str(self.choice)

    @property
    def codings(self) -> float:
        """How often it encodes and decodes each evaluation again; 0 if it does not say."""
        return float(getattr(self.metric, "codings", 0))

    @property
    def identity(self) -> list[object]:
        """The part of a key: label, name, version and parameters."""
        name = self.choice.name
        return [self.label, name, self.metric.version, self.choice.signature]


@dataclass(frozen=True)
class ScoringSpec:
    """The scoring settings of a suite.

    Attributes:
        rd_lambda: weight of 255^2 MSE in the R-D cost.
        vmaf: whether VMAF is scored too.
        named_metrics: the additional metrics.
    """

    rd_lambda: float
    vmaf: bool = False
    named_metrics: tuple[NamedMetric, ...] = ()

    @property
    def codings(self) -> float:
        """How often the additional metrics encode and decode each evaluation again.

        Metrics share what they code: the generations of the decoded picture, and the damaged
        versions of a bitstream, which follow from the parameters.
        """
        shared: dict[str, float] = {}
        for named in self.named_metrics:
            is_recoding = isinstance(named.metric, RecodingMetric)
            what = "generations" if is_recoding else str(named.choice.signature)
            shared[what] = max(named.codings, shared.get(what, 0.0))
        return sum(shared.values())

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The settings that can change scores, as parts of a key."""
        metrics = {"metrics": [metric.identity for metric in self.named_metrics]}
        scores = {"scores": [self.rd_lambda, self.vmaf]}
        return {**scores, **(metrics if self.named_metrics else {})}
