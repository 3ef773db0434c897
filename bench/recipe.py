"""What `bench train` reads: one YAML file that says how a checkpoint is made."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.config import Settings

Width = Annotated[int, Field(ge=1, le=1024)]


class Recipe(Settings):
    """How one checkpoint is trained: loss = bpp + lmbda * 255^2 * MSE, on random crops.

    Paths are relative to the recipe file.

    Attributes:
        name: the checkpoint's name, and its files'.
        architecture: CompressAI's name, e.g. "bmshj2018-factorized".
        widths: the channels N, or N and M.
        photos: folder of training pictures; all are held in memory.
        holdout: how many of them only validation sees.
        crop: side of the square crops, in pixels.
        batch: crops per step.
        lr: peak learning rate, reached after `warmup` steps, then a cosine down to `final_lr`.
        aux_lr: learning rate of the quantiles, constant.
        clip: largest norm of the gradient.
        ema: decay of the running mean of the weights, which is what is saved.
        bfloat16: run the convolutions in bfloat16; entropy models stay in float32.
        threads: CPU threads; another number changes the last bits of the result.
        validate_every: steps between validations on real bitstreams, each saves the checkpoint.
        checkpoint_every: steps between saved states from which a killed training resumes.
        parent: checkpoint to start from, instead of random weights.
        licence: what the weights may be used for, as the card will say.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    architecture: str
    widths: tuple[Width, ...] = Field(min_length=1, max_length=2)
    lmbda: float = Field(gt=0, le=10)
    photos: Path
    holdout: int = Field(default=4, ge=1)
    crop: int = Field(default=128, ge=64, le=1024, multiple_of=64)
    batch: int = Field(default=8, ge=1, le=1024)
    steps: int = Field(ge=1)
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
    licence: str = "BSD-3-Clause"

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step, 0 <= step < steps."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return self.final_lr + (self.lr - self.final_lr) * cosine

    def ema_at(self, step: int) -> float:
        """Return the decay of the running mean at a step; small at first, when it is young."""
        return min(self.ema, (1 + step) / (10 + step))
