"""Universal perturbation: one perturbation for all pictures, trained on separate pictures."""

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

from attacks.gradient.base import GradientAttack, Steps, StepSize
from attacks.gradient.search import GradientSearch
from attacks.optim import normalised
from bench.attack import Target
from bench.budget import Budget, Linf, Mse
from bench.errors import ImageError
from bench.images.image_set import ImageSpec, Picture, load
from bench.tensors import to_tensor


def _load_pictures(name: str) -> list[Picture]:
    return load(ImageSpec(set=name), Path())


def _hashes(name: str) -> list[str]:
    return [picture.sha256 for picture in _load_pictures(name)]


PictureSet: TypeAlias = Annotated[str, PlainSerializer(_hashes, when_used="json")]
"""A named picture set or a folder; job keys contain the hashes of its pictures, not its path."""


@dataclass(frozen=True)
class Universal(GradientAttack):
    """A universal perturbation (Moosavi-Dezfooli et al. 2017, arXiv 1610.08401), as a tile.

    Moosavi-Dezfooli et al. sum the smallest perturbations that fool a classifier on one picture
    after the other. Here, as in Shafahi et al. (2020, arXiv 1811.11304), one perturbation ascends
    the objective on training crops in turn. The perturbation is repeated to the size of the source
    picture, which need not be a training picture. It is trained anew for each source picture, from
    the same crops in the same order, so the result is the same each time; only codecs that draw at
    random see other draws.

    Args:
        pictures: the training pictures: a set that a suite can name, or a folder relative to the
            working directory.
        crops: number of training crops, from the pictures in turn, at fixed random positions.
        side: side of the crops and of the tile, in pixels.
        steps: number of steps, each with the gradient of one crop.
        step_size: size of a step, as a share of the budget's radius.
        decay: factor of the previous sum of gradients at each step.

    Raises:
        ImageError: the pictures cannot be read, or are smaller than the crops.
    """

    budgets: ClassVar[tuple[str, ...]] = (Linf.kind, Mse.kind)
    version: ClassVar[int] = 1

    pictures: PictureSet = "sample"
    crops: Annotated[int, Field(ge=1)] = 16
    side: Annotated[int, Field(ge=1)] = 128
    steps: Steps = 200
    step_size: StepSize = 0.1
    decay: Annotated[float, Field(ge=0)] = 0.9

    def __post_init__(self) -> None:
        """Check before any search that the pictures can be read and are large enough."""
        _ = self._training_crops

    @property
    def evaluations(self) -> int:
        """One gradient per step, and the values of the source picture and the adversarial one."""
        return self.steps + 2

    def _run(self, search: GradientSearch, rngs: Sequence[torch.Generator]) -> None:
        del rngs
        images, budget = search.source, search.budget
        tile = self._trained(search.target, type(budget)(budget.radius), images)
        search.evaluate(images)
        search.evaluate(search.project(images + _repeated(tile, images)))

    def _trained(self, target: Target, ball: Budget, like: Tensor) -> Tensor:
        """Return the perturbation, (1, 3, side, side), trained from a random start.

        Args:
            target: the function to maximise on average over the crops.
            ball: the budget without its region.
            like: has the device and precision to use.
        """
        crops = [crop.to(like) for crop in self._training_crops]
        pairs = [(crop, target.around(crop)) for crop in crops]
        grey = torch.full_like(crops[0], 0.5)
        perturbed_grey = ball.sample(grey, [torch.Generator().manual_seed(0)])
        direction = torch.zeros_like(grey)
        for crop, crop_target in islice(cycle(pairs), self.steps):
            images = ball.project(crop + perturbed_grey - grey, crop)
            _, gradient = crop_target.value_and_grad(images)
            direction = self.decay * direction + normalised(gradient, order=1)
            ahead = perturbed_grey + ball.steepest(direction) * self.step_size
            perturbed_grey = ball.project(ahead, grey)
        return perturbed_grey - grey

    @cached_property
    def _training_crops(self) -> list[Tensor]:
        rng, pictures = np.random.default_rng(0), cycle(_load_pictures(self.pictures))
        return [self._crop(picture, rng) for picture in islice(pictures, self.crops)]

    def _crop(self, picture: Picture, rng: np.random.Generator) -> Tensor:
        height, width, _ = picture.pixels.shape
        if min(height, width) < self.side:
            raise ImageError(
                f"the picture '{picture.name}' of {height}x{width} (height x width) is too small"
                f" for a crop of {self.side}x{self.side}; name other pictures, or a smaller side"
            )
        top, left = rng.integers((height - self.side + 1, width - self.side + 1))
        return to_tensor(picture.pixels[top : top + self.side, left : left + self.side])


def _repeated(tile: Tensor, images: Tensor) -> Tensor:
    """Return the tile repeated from the upper left corner to the size of `images`."""
    height, width = images.shape[-2:]
    side = tile.shape[-1]
    return tile.repeat(1, 1, -(-height // side), -(-width // side))[..., :height, :width]
