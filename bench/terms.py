"""What a suite says of scoring, as planning and measuring see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.metric import Metric
from bench.registry import Choice, signature


@dataclass(frozen=True)
class Yardstick:
    """A metric that a suite names.

    Attributes:
        choice: its name and parameters.
        metric: itself.
    """

    choice: Choice
    metric: Metric

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @property
    def identity(self) -> list[object]:
        """What can change its values, and what they are called."""
        name = self.choice.name
        return [self.label, name, self.metric.version, signature("metric", self.choice)]


@dataclass(frozen=True)
class Terms:
    """What a suite says of scoring.

    Attributes:
        rd_lambda: weight of 255^2 MSE in the R-D cost.
        vmaf: whether VMAF is scored too.
        yardsticks: the metrics that are asked besides.
    """

    rd_lambda: float
    vmaf: bool = False
    yardsticks: tuple[Yardstick, ...] = ()

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What of it can change the scores of a cell, as the parts of a key."""
        named = [one.identity for one in self.yardsticks]
        return {"scores": [self.rd_lambda, self.vmaf], **({"metrics": named} if named else {})}
