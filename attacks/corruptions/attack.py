"""Corruptions as a suite names them: `corruption` is one of them, `corruptions` are all.

A corruption searches for nothing and needs no codec. It is planned and stored like noise, but in
the budget `unlimited`, so that no figure of an attack contains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from attacks.corruptions.kinds import KINDS, SEVERITIES, Kind, Severity, corrupted
from bench.attack import AttackResult, Need, Target
from bench.budget import Budget, Unlimited
from bench.tensors import to_image, to_tensor


@dataclass(frozen=True)
class Corruption:
    """A picture under one kind of noise, blur, weather or digital artefact.

    The definitions are those of ImageNet-C (Hendrycks & Dietterich 2019),
    https://arxiv.org/abs/1903.12261. The random numbers do not depend on kind or severity.

    Args:
        kind: the kind of corruption.
        severity: its strength, from 1 to 5.
    """

    needs: ClassVar[Need] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = (Unlimited.kind,)
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0

    kind: Kind
    severity: Severity

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Corrupt each source picture, float (B, 3, H, W) in [0, 1]."""
        del target, budget
        pairs = zip(images.split(1), rngs, strict=True)
        found = [self._corrupted(image, rng) for image, rng in pairs]
        return AttackResult(torch.cat(found).to(images), images.new_empty(0, len(images)))

    def _corrupted(self, image: Tensor, rng: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**32, (), generator=rng, device=rng.device))
        return to_tensor(corrupted(to_image(image), self.kind, self.severity, seed))


@dataclass(frozen=True)
class Corruptions:
    """All fifteen kinds of corruption.

    Args:
        severity: their strength, from 1 to 5; all five by default.
    """

    version: ClassVar[int] = 1

    severity: Severity | None = None

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return all kinds as one item of a suite's `attacks`, whatever objectives it has."""
        del wanted, budgets
        severities = SEVERITIES if self.severity is None else (self.severity,)
        return [{"name": "corruption", "kind": list(KINDS), "severity": list(severities)}]
