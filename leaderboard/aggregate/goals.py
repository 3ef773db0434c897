"""The goals of searches for the smallest perturbation, as a suite states them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.registry.component_spec import ComponentSpec
from bench.store.records import CraftRecord

SEARCHES = frozenset({"minimum-apgd", "minimum-square"})
"""Names of the attacks that search for the smallest perturbation that reaches a goal."""


@dataclass(frozen=True)
class Goal:
    """What an adversarial picture must reach.

    Attributes:
        objective: label of the objective.
        value: the value that it must reach, or the factor of its clean value.
        relative: whether `value` is a factor.
    """

    objective: str
    value: float
    relative: bool

    def __str__(self) -> str:
        """Return the goal in words, for example "3 dB loss" or "rate ×1.5"."""
        if self.objective == "distortion":
            level = 10 * math.log10(self.value)
            return f"{level:.4g} dB loss" if self.relative else f"PSNR {-level:.4g} dB"
        if self.objective == "rate" and not self.relative:
            return f"{self.value:g} bpp"
        return f"{self.objective} {'×' * self.relative}{self.value:g}"

    def is_reached(self, value: float, clean: float) -> bool:
        """Return whether a measured value reaches it.

        Args:
            value: measured value of the objective.
            clean: its value of the source picture.
        """
        needed = self.value * clean if self.relative else self.value
        return value >= needed * (1 - _ROUNDING)


_ROUNDING = 1e-6
"""Relative difference between a search's float32 arithmetic and the scores' float64."""


class Goals:
    """The goals of the searches of a suite.

    Args:
        attacks: the attacks of the suite.
    """

    def __init__(self, attacks: Iterable[ComponentSpec]) -> None:
        self._params: dict[str, Mapping[str, object]] = {
            str(choice): dict(choice.params) for choice in attacks if choice.name in SEARCHES
        }

    def of(self, craft: CraftRecord) -> Goal | None:
        """Return the goal of a search; None if it has none."""
        params = self._params.get(craft.attack)
        if params is None or craft.objective is None:
            return None
        goal = params["goal"]
        return Goal(craft.objective, float(str(goal)), bool(params.get("relative", True)))
