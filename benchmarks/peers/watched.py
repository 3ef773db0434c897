"""Searches under a clock: what an attack finds, and the CPU time at which it finds it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Need, Target, WarmStarting
from bench.budget import Budget
from bench.codec import Image
from bench.tensors import to_image


@dataclass(frozen=True)
class Found:
    """A picture that was the best so far.

    Attributes:
        seconds: CPU time of the search until then.
        picture: rounded, uint8 (H, W, 3).
    """

    seconds: float
    picture: Image


class Clock:
    """CPU time of this process, without the work of this script."""

    def __init__(self) -> None:
        self._started = time.process_time()
        self._own = 0.0

    def seconds(self) -> float:
        """Return the time so far."""
        return time.process_time() - self._started - self._own

    def leave_out(self, since: float) -> None:
        """Leave out the time since a value of `seconds`."""
        self._own += self.seconds() - since


class WatchedTarget:
    """A target that keeps every picture that is better than all before, with its time."""

    def __init__(self, target: Target, source: Tensor, budget: Budget, clock: Clock) -> None:
        self._target = target
        self._source = source
        self._budget = budget
        self._clock = clock
        self._best = -np.inf
        self.found: list[Found] = []

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and gradients of one picture."""
        values, gradients = self._target.value_and_grad(images)
        self._keep(images, float(values[0]))
        return values, gradients

    def value(self, images: Tensor) -> Tensor:
        """Return the value of one picture."""
        values = self._target.value(images)
        self._keep(images, float(values[0]))
        return values

    def around(self, source: Tensor) -> Target:
        """Return a target around other pictures, which is not watched."""
        return self._target.around(source)

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of coded pictures."""
        values = self._target.query(images, owners)
        best = int(values.argmax())
        picture = (
            torch.from_numpy(images[best].copy()).permute(2, 0, 1)[None].to(self._source) / 255
        )
        self._keep(picture, float(values[best]))
        return values

    def _keep(self, images: Tensor, value: float) -> None:
        now = self._clock.seconds()
        if value > self._best and bool(self._budget.allows(images, self._source)[0]):
            self._best = value
            levels = self._budget.rounded(images.detach().cpu(), self._source.cpu())
            self.found.append(Found(now, to_image(levels.float() / 255)))
        self._clock.leave_out(now)


@dataclass
class Watch:
    """What a search found, and its CPU time in seconds."""

    clock: Clock
    found: list[Found] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class WatchedAttack:
    """An attack on a watched target, with as many steps as the harness wants.

    Attributes:
        attack: the attack.
        watch: what its search found.
        steps: its number of steps; 0 if it has none. The harness replaces it to extend a search.
    """

    attack: Attack
    watch: Watch
    steps: int

    @property
    def needs(self) -> Need:
        """What the attack needs."""
        return self.attack.needs

    @property
    def budgets(self) -> tuple[str, ...]:
        """The kinds of budget that it supports."""
        return self.attack.budgets

    @property
    def version(self) -> int:
        """Its version."""
        return self.attack.version

    @property
    def evaluations(self) -> int:
        """Its largest number of evaluations."""
        return self._attack.evaluations

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Run the attack."""
        with self._watched(target, images, budget) as watched:
            return self._attack(watched, images, budget, rngs)

    def from_pictures(
        self, target: Target, images: Tensor, budget: Budget, start: Tensor
    ) -> AttackResult:
        """Run the attack from given pictures."""
        with self._watched(target, images, budget) as watched:
            return cast("WarmStarting", self._attack).from_pictures(watched, images, budget, start)

    @property
    def _attack(self) -> Attack:
        attack: Any = self.attack
        return replace(attack, steps=self.steps) if self.steps else self.attack

    @contextmanager
    def _watched(self, target: Target, images: Tensor, budget: Budget) -> Iterator[WatchedTarget]:
        watched = WatchedTarget(target, images, budget, self.watch.clock)
        try:
            yield watched
        finally:
            self.watch.found += watched.found
            self.watch.seconds = self.watch.clock.seconds()
