"""The card beside trained weights, `NAME.json`: how they were made and what they reach."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import ConfigError
from bench.utils.files import write_atomically


class RateDistortion(BaseModel):
    """What a checkpoint reaches on one named picture set, with real bitstreams.

    Attributes:
        bpp: bits per pixel of the strings, containers apart, mean over the pictures.
        psnr: dB over RGB after rounding to 8 bits, mean over the pictures.
        estimated_bpp: what the entropy model says instead, mean over the pictures.
        pictures: how many pictures the set holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bpp: float = Field(ge=0)
    psnr: float
    estimated_bpp: float = Field(ge=0)
    pictures: int = Field(ge=1)


class Robustness(BaseModel):
    """What a checkpoint suffers in one setting: budget, objective and pictures; means over them.

    Attributes:
        bpp: of the attacked pictures, real bitstreams.
        psnr: dB against the source pictures.
        cost: bpp + lmbda 255^2 MSE, with the card's lambda, against the source pictures.
        clean_cost: the same of the clean pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bpp: float = Field(ge=0)
    psnr: float
    cost: float = Field(ge=0)
    clean_cost: float = Field(ge=0)


class Card(BaseModel):
    """What stands beside the weights: how they were made and what they reach.

    Attributes:
        architecture: CompressAI's name, e.g. "bmshj2018-factorized".
        widths: the channels N, or N and M.
        lmbda: the weight of 255^2 * MSE against bits per pixel.
        steps: optimiser steps done, those of the parent apart.
        seconds: spent on these steps.
        hardware: that they were done on.
        recipe_sha256: hash of the recipe's settings.
        parent: name of the checkpoint that training started from.
        training_set_sha256: hash over the training photos' names and bytes.
        rate_distortion: measured on named picture sets.
        robustness: measured under attack, by the name of the setting.
        weights_sha256: hash of the weights file's bytes; `save` fills it in.
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
    recipe_sha256: str
    parent: str | None = None
    training_set_sha256: str
    versions: dict[str, str]
    rate_distortion: dict[str, RateDistortion]
    robustness: dict[str, Robustness] = {}
    licence: str
    weights_sha256: str = ""


def read_card(weights: Path) -> Card | None:
    """Return the card that stands beside weights, or None if there is none.

    Raises:
        ConfigError: it is no card, or that of another file.
    """
    beside = weights.with_suffix(".json")
    if not beside.exists():
        return None
    try:
        card = Card.model_validate_json(beside.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{beside} is not the card of a checkpoint: {_first(error)}") from error
    if card.weights_sha256 != hashlib.sha256(weights.read_bytes()).hexdigest():
        raise ConfigError(f"{weights} is not the file its card {beside.name} describes; fetch both")
    return card


def write_card(weights: Path, card: Card) -> None:
    """Write the card that belongs to weights."""
    text = json.dumps(card.model_dump(mode="json"), indent=2) + "\n"
    write_atomically(weights.with_suffix(".json"), text.encode())


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, details['loc']))}: {details['msg']}"
