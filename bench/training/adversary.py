"""The attacker in adversarial training: part of the crops of every step become adversarial."""

from __future__ import annotations

from dataclasses import replace

import torch
from compressai.models import CompressionModel
from torch import Tensor

from bench.attack import Attack, Objective
from bench.crafting.no_target import NoTarget
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.registry.component_spec import ComponentSpec
from bench.registry.live_surrogate import live_surrogate
from bench.registry.registry import instantiate, parameters
from bench.training.attack_spec import AttackSpec


class Adversary:
    """Attacks the net in its current state.

    Args:
        spec: one `attack:` block of the recipe.
        lmbda: lambda of the stage; used by an objective with a lambda for which none is given.
        net: the net in training; its surrogate is the same as in suites.

    Attributes:
        spec: the block.
    """

    def __init__(self, spec: AttackSpec, lmbda: float, net: CompressionModel) -> None:
        self.spec = spec
        self._net = net
        self._attack: Attack = instantiate("attack", spec.method)
        self._objective: Objective = instantiate("objective", _with_lambda(spec.objective, lmbda))
        self._budget = spec.budget.budget()

    def attacked(self, source: Tensor, step: int, seed: int) -> Tensor:
        """Return adversarial crops inside the budget of this step, not rounded.

        Args:
            source: float (B, 3, H, W) in [0, 1].
            step: step of the training; the budget grows with it during the warm-up.
            seed: seed of the search.
        """
        budget = replace(self._budget, radius=self._budget.radius * self.spec.strength(step))
        return run_attack(self._attack, self._target(source), source, budget, seed).images.detach()

    def _target(self, source: Tensor) -> NoTarget | CodecTarget:
        if self._attack.needs == "nothing":
            return NoTarget()
        surrogate = live_surrogate(self._net, self.spec.rounding)
        return CodecTarget(surrogate, self._objective, source)

    def reference(self, source: Tensor, attacked: Tensor) -> Tensor:
        """Return the pictures, (B, 3, H, W), that the net should decode adversarial crops to."""
        match self.spec.reference:
            case "source":
                return source
            case "input":
                return attacked
            case "reconstruction":
                with torch.no_grad():
                    decoded = live_surrogate(self._net, "straight-through").reconstruct(source)
                return decoded.detach().float().clamp(0, 1)


def _with_lambda(objective: ComponentSpec, lmbda: float) -> ComponentSpec:
    has_lambda = "lmbda" in parameters("objective", objective.name).model_fields
    if not has_lambda or "lmbda" in dict(objective.params):
        return objective
    return ComponentSpec(objective.name, (*objective.params, ("lmbda", lmbda)))
