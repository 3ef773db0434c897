"""What `bench train` reads: one YAML file that says how checkpoints are made."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bench.registry.plugins import Plugins
from bench.registry.registry import ComponentSpec, instantiate
from bench.suite.fields import BudgetSpec, choice, listed
from bench.utils.yaml_config import Settings

QUALITIES = {0.0018: 1, 0.0035: 2, 0.0067: 3, 0.013: 4, 0.025: 5, 0.0483: 6, 0.0932: 7, 0.18: 8}
"""CompressAI's lambdas for MSE, and what it calls them."""

Width = Annotated[int, Field(ge=1, le=1024)]
Lambda = Annotated[float, Field(gt=0, le=10)]
Steps = Annotated[int, Field(ge=1)]


class AttackSpec(Settings):
    """Adversarial training: what is done to some of the crops before the net learns from them.

    Attributes:
        method: any attack that follows gradients, of few steps; `{name: pgd, steps: 1,
            step_size: 1.25}` is FGSM with a random start (Wong et al. 2020), the cheapest.
        objective: what it makes large.
        budget: how far it may go.
        share: of the crops that are attacked.
        warmup: steps over which the budget grows from nothing to its size.
        reference: what an attacked crop should be decoded to: the clean source it was made from,
            or itself, as any other picture.
    """

    method: Annotated[ComponentSpec, choice("attack")]
    objective: Annotated[ComponentSpec, choice("objective")]
    budget: BudgetSpec
    share: float = Field(default=0.5, gt=0, le=1)
    warmup: int = Field(default=0, ge=0)
    reference: Literal["source", "input"] = "source"

    @field_validator("method")
    @classmethod
    def _without_queries(cls, method: ComponentSpec) -> ComponentSpec:
        if instantiate("attack", method).needs == "queries":
            raise ValueError(f"the attack '{method}' codes pictures for real, too slow to train on")
        return method

    def strength(self, step: int) -> float:
        """Return the share of the budget's radius that is used at a step, 0 < share <= 1."""
        return min(1.0, (step + 1) / (self.warmup + 1))


def _listed(value: object) -> object:
    return listed(value)


class Recipe(Settings):
    """How checkpoints are trained: loss = bpp + lmbda * 255^2 * MSE, on random crops.

    Paths are relative to the recipe file.

    Attributes:
        plugins: Python files and modules whose tables are known besides, by path or name.
        name: the checkpoint's name, and its files'; of several, what their names begin with.
        architecture: CompressAI's name, e.g. "bmshj2018-factorized".
        widths: the channels N, or N and M.
        lmbda: one, or a list: each makes a checkpoint and starts from the one before.
        photos: folder of training pictures.
        holdout: how many of them only validation sees.
        crop: side of the square crops, in pixels.
        batch: crops per step.
        steps: of each lambda; one number for all, or a list.
        lr: peak learning rate, reached after `warmup` steps, then a cosine down to `final_lr`.
        aux_lr: learning rate of the quantiles, constant.
        clip: largest norm of the gradient.
        ema: decay of the running mean of the weights, which is what is saved.
        bfloat16: run the convolutions in bfloat16; entropy models stay in float32.
        threads: CPU threads; another number changes the last bits of the result.
        validate_every: steps between validations on real bitstreams, each saves the checkpoint.
        checkpoint_every: steps between saved states from which a killed training resumes.
        parent: checkpoint to start from, instead of random weights. Of another architecture or a
            narrower one the transforms are taken, and the entropy model starts anew.
        attack: what is done to some of the crops; nothing if left out.
        gradient_penalty: weight, in 8-bit levels, of the l1 norm of the loss's gradient with
            respect to the picture: to first order, how much an attacker with that linf radius
            could add to the loss (Simon-Gabriel et al. 2019). Costs one more backward pass.
        licence: what the weights may be used for, as the card will say.
    """

    plugins: Plugins = ()
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
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
    bfloat16: bool = True
    threads: int = Field(default=1, ge=1, le=256)
    seed: int = Field(default=0, ge=0, lt=2**31)
    validate_every: int = Field(default=2000, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    parent: Path | None = None
    attack: AttackSpec | None = None
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
        return self

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
        """Hash of the settings that are no defaults; comments and where photos are do not count."""
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
        recipe: the whole of it.
        name: the checkpoint's; "NAME-q4" where one of several lambdas is CompressAI's for q4.
        lmbda: the weight of 255^2 * MSE against bits per pixel.
        steps: how many are done for it.
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
        """Return the decay of the running mean at a step; small at first, when it is young."""
        return min(self.recipe.ema, (1 + step) / (10 + step))
