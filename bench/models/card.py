"""Model cards: `NAME.json` beside the weights, with their training and their performance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import ConfigError
from bench.utils.files import read_file, write_atomically


class RateDistortion(BaseModel):
    """The rate and distortion of a checkpoint on one picture set, from real bitstreams.

    Attributes:
        bpp: bits per pixel of the strings, without a container, mean over the pictures.
        psnr: PSNR over RGB in dB, after rounding to 8 bits, mean over the pictures.
        estimated_bpp: rate that the entropy model estimates, mean over the pictures.
        pictures: number of pictures in the set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bpp: float = Field(ge=0)
    psnr: float
    estimated_bpp: float = Field(ge=0)
    pictures: int = Field(ge=1)


class Robustness(BaseModel):
    """The rate and distortion of a checkpoint under one attack; means over the pictures.

    Attributes:
        bpp: rate of the adversarial pictures, from real bitstreams, in bits per pixel.
        psnr: PSNR against the source pictures, in dB.
        cost: R-D cost under attack, bpp + lmbda 255^2 MSE against the source pictures, with the
            lambda of the card.
        clean_cost: R-D cost of the clean pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bpp: float = Field(ge=0)
    psnr: float
    cost: float = Field(ge=0)
    clean_cost: float = Field(ge=0)


class Card(BaseModel):
    """The training and the performance of one checkpoint.

    Attributes:
        format: version of the format of cards.
        architecture: CompressAI's name, e.g. "bmshj2018-factorized".
        widths: numbers of channels: N, or N and M.
        lmbda: weight of 255^2 * MSE against bits per pixel.
        metric: distortion in the loss.
        steps: number of optimiser steps, without those of the parent.
        seconds: duration of these steps.
        hardware: hardware that they ran on.
        bfloat16: whether convolutions ran in bfloat16; None in cards from before it was noted.
        recipe_sha256: hash of the settings of the recipe.
        parent: name of the checkpoint that training started from; None for random weights.
        training_set_sha256: hash of names and bytes of the training photos.
        versions: versions of torch, CompressAI and this project.
        rate_distortion: performance by name of the picture set.
        robustness: performance under attack, by name of the attack's setting.
        licence: licence of the weights.
        weights_sha256: hash of the weights file; filled in by `bench.models.checkpoint.save`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    architecture: str
    widths: tuple[int, ...]
    lmbda: float = Field(gt=0)
    metric: Literal["mse"] = "mse"
    steps: int = Field(ge=0)
    seconds: int = Field(ge=0)
    hardware: str
    bfloat16: bool | None = None
    recipe_sha256: str
    parent: str | None = None
    training_set_sha256: str
    versions: dict[str, str]
    rate_distortion: dict[str, RateDistortion]
    robustness: dict[str, Robustness] = {}
    licence: str
    weights_sha256: str = ""


def read_card(weights: Path) -> Card | None:
    """Return the card beside a weights file, or None if there is none.

    Raises:
        ConfigError: the file is not a card, or is the card of other weights.
    """
    path = weights.with_suffix(".json")
    if not path.exists():
        return None
    try:
        card = Card.model_validate_json(read_file(path))
    except (OSError, ValidationError) as error:
        reason = _reason(error)
        raise ConfigError(f"{path} is not the card of a checkpoint: {reason}") from error
    if card.weights_sha256 != hashlib.sha256(read_file(weights)).hexdigest():
        raise ConfigError(f"{weights} is not the file its card {path.name} describes; fetch both")
    return card


def write_card(weights: Path, card: Card) -> None:
    """Write a card beside a weights file."""
    text = json.dumps(card.model_dump(mode="json"), indent=2) + "\n"
    write_atomically(weights.with_suffix(".json"), text.encode())


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    details = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, details['loc']))}: {details['msg']}"
