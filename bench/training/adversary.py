"""The attacker inside adversarial training: some crops of every step are made worse first."""

from __future__ import annotations

from dataclasses import replace

from compressai.models import CompressionModel
from torch import Tensor

from bench.attack import Attack, Objective
from bench.crafting.craft import run_attack
from bench.crafting.target import CodecTarget, NoTarget
from bench.registry.registry import ComponentSpec, instantiate, live_surrogate, parameters
from bench.training.recipe import AttackSpec


class Adversary:
    """Searches for crops that the net, as it stands, codes badly.

    Args:
        spec: what the recipe says.
        lmbda: the recipe's; an objective with a lambda that was not given takes this one.
        net: in training; its surrogate is the one that suites attack.
    """

    def __init__(self, spec: AttackSpec, lmbda: float, net: CompressionModel) -> None:
        self._spec = spec
        self._net = net
        self._attack: Attack = instantiate("attack", spec.method)
        self._objective: Objective = instantiate("objective", _weighted(spec.objective, lmbda))
        self._budget = spec.budget.budget()

    def count(self, batch: int) -> int:
        """Return how many of a batch's crops are attacked: its first ones, at least one."""
        return max(1, round(self._spec.share * batch))

    def attacked(self, source: Tensor, step: int, seed: int) -> Tensor:
        """Return crops inside the budget of this step, not rounded.

        Args:
            source: float (B, 3, H, W) in [0, 1].
            step: of the training; the budget grows with it while it warms up.
            seed: of this step's search.
        """
        budget = replace(self._budget, radius=self._budget.radius * self._spec.strength(step))
        return run_attack(self._attack, self._target(source), source, budget, seed).images.detach()

    def _target(self, source: Tensor) -> NoTarget | CodecTarget:
        if self._attack.needs == "nothing":
            return NoTarget()
        return CodecTarget(live_surrogate(self._net), self._objective, source)

    def reference(self, source: Tensor, attacked: Tensor) -> Tensor:
        """Return what attacked crops should be decoded to."""
        return source if self._spec.reference == "source" else attacked


def _weighted(objective: ComponentSpec, lmbda: float) -> ComponentSpec:
    takes = "lmbda" in parameters("objective", objective.name).model_fields
    given = dict(objective.params)
    if not takes or "lmbda" in given:
        return objective
    return ComponentSpec(objective.name, (*objective.params, ("lmbda", lmbda)))
