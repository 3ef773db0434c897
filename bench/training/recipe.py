"""Recipes: the YAML file of `bench train`, which describes how checkpoints are trained."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_validator,
)

from bench.registry.plugins import Plugins
from bench.training.attack_spec import AttackSpec
from bench.utils.yaml_config import Settings, as_list

QUALITIES = {0.0018: 1, 0.0035: 2, 0.0067: 3, 0.013: 4, 0.025: 5, 0.0483: 6, 0.0932: 7, 0.18: 8}
"""CompressAI's lambdas for MSE, and their quality numbers."""

Width = Annotated[int, Field(ge=1, le=1024)]
Lambda = Annotated[float, Field(gt=0, le=10)]
Steps = Annotated[int, Field(ge=1)]


def _listed(value: object) -> object:
    return as_list(value)


def _attacks(value: object) -> object:
    return [] if value is None else as_list(value)


class Recipe(Settings):
    """The training of checkpoints with the loss bpp + lmbda * 255^2 * MSE, on random crops.

    Paths are relative to the recipe file.

    Attributes:
        plugins: Python files and modules, by path or name, that add components.
        name: name of the checkpoint and its files; prefix of the names if there are several.
        architecture: CompressAI's name, e.g. "bmshj2018-factorized".
        widths: numbers of channels: N, or N and M.
        lmbda: one lambda, or a list; each gives a checkpoint that starts from the one before.
        photos: folder of training pictures.
        holdout: number of pictures that are used for validation only.
        crop: side of the square crops, in pixels.
        batch: number of crops per step.
        steps: number of steps for each lambda; one number for all, or a list.
        lr: peak learning rate, reached after `warmup` steps and followed by a cosine to `final_lr`.
        warmup: number of steps in which the learning rate rises to `lr`.
        final_lr: learning rate that the cosine would reach one step after the last.
        aux_lr: learning rate of the quantiles, constant.
        clip: largest norm of the gradient.
        ema: decay of the exponential moving average of the weights, which is what is saved.
        bfloat16: whether convolutions run in bfloat16; entropy models stay in float32. If left out,
            the faster of both on this machine is measured and used; log and card say which.
        threads: number of CPU threads; another number changes the last bits of the result.
        seed: seed of all random numbers.
        validate_every: steps between validations on real bitstreams; each saves the checkpoint.
        checkpoint_every: steps between saved states, from which a killed training resumes.
        parent: checkpoint to start from, instead of random weights. From another architecture or a
            narrower one, only the transforms are copied.
        attack: adversarial training; none if left out. Several attacks in a list each get their
            own share of the crops.
        idempotence: weight of the loss lmbda * 255^2 * MSE between a decoded clean crop and what
            it decodes to when it is coded again; a small loss means that images survive many
            generations (Kim et al. 2020). It costs one more pass for the clean crops.
        gradient_penalty: weight, in 8-bit levels, of the l1 norm of the gradient of the loss with
            respect to the picture. To first order this is the increase of the loss that an attack
            with that linf radius could cause (Simon-Gabriel et al. 2019). It costs one more
            backward pass.
        licence: licence of the weights, for the card.
    """

    plugins: Plugins = ()
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    architecture: str
    widths: tuple[Width, ...] = Field(min_length=1, max_length=2)
    lmbda: Annotated[tuple[Lambda, ...], BeforeValidator(_listed), Field(min_length=1)]
    photos: Path
    holdout: int = Field(default=4, ge=1)
    crop: int = Field(default=128, ge=64, le=1024, multiple_of=64)
    batch: int = Field(default=8, ge=1, le=1024)
    steps: Annotated[tuple[Steps, ...], BeforeValidator(_listed), Field(min_length=1)]
    lr: float = Field(default=1e-4, gt=0, le=1e-2)
    warmup: int = Field(default=500, ge=0)
    final_lr: float = Field(default=1e-5, ge=0, le=1e-2)
    aux_lr: float = Field(default=1e-3, gt=0, le=1e-1)
    clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.999, ge=0, lt=1)
    bfloat16: bool | None = None
    threads: int = Field(default=1, ge=1, le=256)
    seed: int = Field(default=0, ge=0, lt=2**31)
    validate_every: int = Field(default=2000, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    parent: Path | None = None
    attack: Annotated[tuple[AttackSpec, ...], BeforeValidator(_attacks)] = ()
    idempotence: float = Field(default=0.0, ge=0, le=100)
    gradient_penalty: float = Field(default=0.0, ge=0, le=255)
    licence: str = "BSD-3-Clause"

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if len(set(self.lmbda)) < len(self.lmbda):
            raise ValueError("a lambda is listed twice")
        if len(self.steps) not in {1, len(self.lmbda)}:
            raise ValueError(
                f"{len(self.steps)} numbers of steps for {len(self.lmbda)} lambdas; give one for"
                " each, or one for all"
            )
        self._check_shares()
        return self

    def _check_shares(self) -> None:
        """Refuse attacks that need more crops than a batch has, or leave no clean ones."""
        attacked = sum(attack.count(self.batch) for attack in self.attack)
        if attacked > self.batch:
            raise ValueError(
                f"the attacks take {attacked} crops of a batch of {self.batch}; make their shares"
                " smaller or the batch larger"
            )
        if self.idempotence and attacked == self.batch:
            raise ValueError(
                "idempotence is trained on clean crops, but the attacks take them all; make their"
                " shares smaller"
            )

    @field_serializer("attack", mode="wrap")
    def _one_or_several(
        self, attack: tuple[AttackSpec, ...], serialise: SerializerFunctionWrapHandler
    ) -> Any:  # noqa: ANN401 - what pydantic makes of the settings
        """Write a single attack without a list, as recipes do."""
        written = serialise(attack)
        return written[0] if len(attack) == 1 else written

    @property
    def stages(self) -> list[Stage]:
        """The checkpoints to make, in order."""
        steps = self.steps * (len(self.lmbda) // len(self.steps))
        return [
            Stage(self, self._stage_name(lmbda), lmbda, count)
            for lmbda, count in zip(self.lmbda, steps, strict=True)
        ]

    @property
    def sha256(self) -> str:
        """Hash of all settings that differ from their defaults, except `photos`; in hex."""
        settings = self.model_dump(mode="json", exclude={"photos"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def _stage_name(self, lmbda: float) -> str:
        if len(self.lmbda) == 1:
            return self.name
        quality = QUALITIES.get(lmbda)
        return f"{self.name}-q{quality}" if quality else f"{self.name}-lmbda{lmbda:g}"


@dataclass(frozen=True)
class Stage:
    """One checkpoint of a recipe.

    Attributes:
        recipe: the recipe.
        name: name of the checkpoint; "NAME-q4" if the recipe has several lambdas and this one is
            CompressAI's for quality 4.
        lmbda: weight of 255^2 * MSE against bits per pixel.
        steps: number of steps.
    """

    recipe: Recipe
    name: str
    lmbda: float
    steps: int

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step, 0 <= step < steps."""
        recipe = self.recipe
        if step < recipe.warmup:
            return recipe.lr * (step + 1) / recipe.warmup
        progress = (step - recipe.warmup) / max(1, self.steps - recipe.warmup)
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return recipe.final_lr + (recipe.lr - recipe.final_lr) * cosine

    def ema_at(self, step: int) -> float:
        """Return the decay of the moving average at a step; it is smaller in the first steps."""
        return min(self.recipe.ema, (1 + step) / (10 + step))
