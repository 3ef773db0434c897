"""The simplest perturbation: one colour offset for all pixels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attacks.gradient.base import GradientAttack
from attacks.gradient.search import GradientSearch
from bench.budget import Budget


@dataclass(frozen=True)
class ColourShift(GradientAttack):
    """The best of the eight shifts of each colour channel up or down by the full radius.

    A codec that removed such a shift would be wrong on pictures that have the shifted colours. The
    distortion against the source picture that a shift causes is therefore the price of the budget
    for any faithful codec. A weaker attack has found nothing specific to the codec.
    """

    version: ClassVar[int] = 1

    @property
    def evaluations(self) -> int:
        """The value of the source picture and of eight shifts."""
        return 1 + len(_SIGNS)

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        del rngs
        search.evaluate(search.source)
        for signs in _SIGNS:
            search.evaluate(_shifted(search.source, search.budget, signs))


_SIGNS = tuple(itertools.product((1.0, -1.0), repeat=3))


def _shifted(images: Tensor, budget: Budget, signs: tuple[float, ...]) -> Tensor:
    direction = images.new_tensor(signs).view(1, 3, 1, 1).expand_as(images)
    return budget.project(images + budget.steepest(direction), images)
