"""Adversarial training as a recipe describes it: the attack on part of the crops of every step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.suite.fields import BudgetSpec, choice
from bench.utils.yaml_config import Settings

Reference = Literal["source", "input", "reconstruction"]
"""What an attacked crop should decode to."""


class AttackSpec(Settings):
    """An attack on part of the crops before each step.

    Attributes:
        method: any attack that makes no queries, with few steps; `{name: pgd, steps: 1, step_size:
            1.25}` is FGSM with a random start (Wong et al. 2020), the cheapest.
        objective: objective that the attack maximises.
        budget: limit of the perturbation.
        rounding: surrogate of quantisation that the attack follows, "straight-through" or "none".
        share: share of the crops that are attacked, 0 < share <= 1.
        weight: weight of the loss of an attacked crop; that of a clean crop has the weight 1.
        warmup: number of steps in which the budget grows from 0 to its full size.
        reference: target of the decoder for an adversarial crop: "source", its clean source;
            "input", the adversarial crop itself; or "reconstruction", what the clean source
            decodes to, as in TRADES (Zhang et al. 2019).
    """

    method: Annotated[ComponentSpec, choice("attack")]
    objective: Annotated[ComponentSpec, choice("objective")]
    budget: BudgetSpec
    rounding: Literal["straight-through", "none"] = "straight-through"
    share: float = Field(default=0.5, gt=0, le=1)
    weight: float = Field(default=1.0, gt=0, le=100)
    warmup: int = Field(default=0, ge=0)
    reference: Reference = "source"

    @field_validator("method")
    @classmethod
    def _refuse_queries(cls, method: ComponentSpec) -> ComponentSpec:
        if instantiate("attack", method).needs == "queries":
            raise ValueError(
                f"the attack '{method}' makes queries, which is too slow for training; choose one"
                " that follows gradients"
            )
        return method

    @model_validator(mode="after")
    def _refuse_other_budgets(self) -> AttackSpec:
        """Refuse attacks that do not keep the budget; nothing else checks the crops of training."""
        kinds, kind = instantiate("attack", self.method).budgets, self.budget.budget().kind
        if kind not in kinds:
            raise ValueError(
                f"the attack '{self.method}' cannot keep a budget in {kind}, only in"
                f" {' and '.join(kinds)}; change one of the two"
            )
        return self

    def strength(self, step: int) -> float:
        """Return the part of the budget's radius that is used at a step; > 0 and at most 1."""
        return min(1.0, (step + 1) / (self.warmup + 1))

    def count(self, batch: int) -> int:
        """Return the number of attacked crops in a batch, at least one."""
        return max(1, round(self.share * batch))
