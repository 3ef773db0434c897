"""The plainest perturbation of all: every pixel moved by the same colour."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.gradient.search import GradientSearch
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, Budget


@dataclass(frozen=True)
class ColourShift:
    """The best of the eight shifts that move each channel up or down by the full radius.

    No codec can undo it without being wrong on pictures that are that colour: what it costs
    against the source is what a budget costs any faithful codec. An attack that is weaker has
    found nothing of the codec's own.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 9

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Look at the source pictures and at all eight."""
        del rngs
        climb = GradientSearch(target, images, budget)
        for candidate in (images, *(_shifted(images, budget, signs) for signs in _SIGNS)):
            climb.glance(candidate)
        return climb.result()


_SIGNS = tuple(itertools.product((1.0, -1.0), repeat=3))


def _shifted(images: Tensor, budget: Budget, signs: tuple[float, ...]) -> Tensor:
    direction = images.new_tensor(signs).view(1, 3, 1, 1).expand_as(images)
    return budget.project(images + budget.steepest(direction), images)
