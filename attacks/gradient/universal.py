"""One change that harms every picture, learnt on pictures of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
import torch
from pydantic import Field, PlainSerializer
from torch import Tensor

from attacks.gradient.pgd import Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import unit
from bench.attack import AttackResult, Need, Target
from bench.budget import Budget, Linf, Mse
from bench.errors import ImageError
from bench.images.image_set import ImageSpec, Picture, load
from bench.tensors import to_tensor


def _read(name: str) -> list[Picture]:
    return load(ImageSpec(set=name), Path())


def _content(name: str) -> list[str]:
    return [picture.sha256 for picture in _read(name)]


PictureSet: TypeAlias = Annotated[str, PlainSerializer(_content, when_used="json")]
"""A named set or a folder; in a job's key stand the hashes of its pictures, wherever they lie."""


@dataclass(frozen=True)
class Universal:
    """A universal perturbation (Moosavi-Dezfooli et al. 2017, arXiv 1610.08401), as a tile.

    They add up the least changes that fool a classifier on one picture after the other. Here, as
    Shafahi et al. do (2020, arXiv 1811.11304), steps up the objective are taken on crops in turn,
    all by one change. Repeated to the size of the attacked picture, which need not be among those
    it was learnt on, it changes that one: it is learnt anew for each, from the same crops and in
    the same order, and so is the same; only of codecs that draw, other draws are seen.

    Args:
        pictures: a set that a suite can name, or a folder from the working directory.
        crops: how many, of the pictures in turn, each in a place drawn once and for all.
        side: of crops and tile, in pixels.
        steps: how many, each with the gradient of one crop.
        step_size: of each, as a share of the budget's radius.
        decay: what the sum of the gradients before is multiplied with at each step.
    """

    needs: ClassVar[Need] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = (Linf.kind, Mse.kind)
    version: ClassVar[int] = 1

    pictures: PictureSet = "sample"
    crops: Annotated[int, Field(ge=1)] = 16
    side: Annotated[int, Field(ge=1)] = 128
    steps: Steps = 200
    step_size: StepSize = 0.1
    decay: Annotated[float, Field(ge=0)] = 0.9

    def __post_init__(self) -> None:
        """See that the pictures can be read, and are large enough, before anything is searched."""
        _ = self._crops

    @property
    def evaluations(self) -> int:
        """One gradient a step, and the values of the source picture and of the changed one."""
        return self.steps + 2

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Learn the change, and see which is worse, the picture with it or without it."""
        del rngs
        tile = self._learnt(target, type(budget)(budget.radius), images)
        climb = GradientSearch(target, images, budget)
        climb.glance(images)
        climb.glance(climb.project(images + _repeated(tile, images)))
        return climb.result()

    def _learnt(self, target: Target, ball: Budget, like: Tensor) -> Tensor:
        """Return the change, (1, 3, side, side), from a random one on, up the mean of the crops."""
        crops = [crop.to(like) for crop in self._crops]
        around = [(crop, target.around(crop)) for crop in crops]
        grey = torch.full_like(crops[0], 0.5)
        now = ball.sample(grey, [torch.Generator().manual_seed(0)])
        direction = torch.zeros_like(grey)
        for crop, told in islice(cycle(around), self.steps):
            _, gradient = told.value_and_grad(ball.project(crop + now - grey, crop))
            direction = self.decay * direction + unit(gradient, order=1)
            now = ball.project(now + ball.steepest(direction) * self.step_size, grey)
        return now - grey

    @cached_property
    def _crops(self) -> list[Tensor]:
        rng, pictures = np.random.default_rng(0), cycle(_read(self.pictures))
        return [self._crop(picture, rng) for picture in islice(pictures, self.crops)]

    def _crop(self, picture: Picture, rng: np.random.Generator) -> Tensor:
        height, width, _ = picture.pixels.shape
        if min(height, width) < self.side:
            raise ImageError(
                f"the picture '{picture.name}' of {height}x{width} (height x width) has no room for"
                f" a crop of {self.side}x{self.side}; name other pictures, or a smaller side"
            )
        top, left = rng.integers((height - self.side + 1, width - self.side + 1))
        return to_tensor(picture.pixels[top : top + self.side, left : left + self.side])


def _repeated(tile: Tensor, images: Tensor) -> Tensor:
    """Return the tile side by side, from the upper left corner on, of the size of `images`."""
    height, width = images.shape[-2:]
    side = tile.shape[-1]
    return tile.repeat(1, 1, -(-height // side), -(-width // side))[..., :height, :width]
