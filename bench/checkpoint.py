"""Trained weights on disk: `NAME.safetensors` and its card `NAME.json`, or CompressAI's own files.

Parameters are stored as fp16. A buffer (a bound, a pedestal, a mask) is stored as fp16 only where
that loses nothing: the pedestal of GDN and the floor of the likelihoods would become zero. The
entropy coder's tables are left out (stored empty): they follow from the parameters, are recomputed
by `net.update()`, and for Gaussian models would weigh more than the weights.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import torch
from compressai.models import CompressionModel
from compressai.zoo import load_state_dict
from compressai.zoo.image import model_architectures as fixed_rate
from compressai.zoo.image_vbr import model_architectures as variable_rate
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from bench import __version__
from bench.config import nearest
from bench.errors import ConfigError

_ARCHITECTURES = {**fixed_rate, **variable_rate}
_TABLES = ("_quantized_cdf", "_offset", "_cdf_length", "scale_table")
_STEP_TABLES = tuple(f"entropy_bottleneck.{table}" for table in _TABLES[:3])
_STEP_NETWORK = "gayn2zqstep."


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
    """What a checkpoint suffers in one setting: a budget and an objective, on one picture set.

    Attributes:
        attack: what was run against it, the strongest of the run.
        pictures: of how many the means are.
        bpp: of the attacked pictures, real bitstreams.
        psnr: dB against the source pictures.
        cost: bpp + lmbda 255^2 MSE, with the card's lambda, against the source pictures.
        clean_cost: the same of the clean pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attack: str
    pictures: int = Field(ge=1)
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


@dataclass(frozen=True)
class Checkpoint:
    """Weights as read: float32 and integer tensors by name, and the card where there is one."""

    state: dict[str, Tensor]
    card: Card | None


def versions() -> dict[str, str]:
    """Return the versions of what computes a checkpoint's numbers."""
    return {
        "torch": metadata.version("torch"),
        "compressai": metadata.version("compressai"),
        "project": __version__,
    }


def save(path: Path, net: nn.Module, card: Card) -> None:
    """Write the weights of `net` to `path` (.safetensors) and the card beside it (.json)."""
    content = format_safetensors(_stored(net))
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(content).hexdigest()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    write_card(path, card)


def write_card(path: Path, card: Card) -> None:
    """Write the card that belongs to the weights at `path`."""
    text = json.dumps(card.model_dump(mode="json"), indent=2) + "\n"
    write_atomically(path.with_suffix(".json"), text.encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def read(path: Path) -> Checkpoint:
    """Read weights: .safetensors with its card, or a .pth, .pt or .pth.tar of CompressAI.

    Raises:
        ConfigError: the file is missing, damaged, not a checkpoint, or could run code.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read the checkpoint {path}: {reason}") from error
    if path.suffix == ".safetensors":
        return Checkpoint(_from_safetensors(path, content), _read_card(path, content))
    return Checkpoint(_from_pickle(path), None)


def load(path: Path, architecture: str) -> CompressionModel:
    """Read weights and build their net; a card that names another architecture is refused."""
    checkpoint = read(path)
    if checkpoint.card is not None and checkpoint.card.architecture != architecture:
        raise ConfigError(
            f"{path} holds {checkpoint.card.architecture} by its card, not {architecture}; "
            f"set architecture: {checkpoint.card.architecture}"
        )
    try:
        return build(architecture, checkpoint.state)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def build(architecture: str, state: Mapping[str, Tensor]) -> CompressionModel:
    """Return the CompressionModel that holds `state`: float32, eval mode, CDF tables present.

    Raises:
        ConfigError: the architecture is unknown, or the weights are another architecture's.
    """
    model = _model(architecture)
    try:
        net = _loaded(model, state)
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"this checkpoint holds the weights of another architecture than {architecture} "
            f"({_difference(model, state)}); name the architecture it was trained with"
        ) from error
    net = net.float().eval()
    net.update()
    return net


def fresh(architecture: str, widths: Sequence[int]) -> CompressionModel:
    """Return a net with random weights, to be trained for one rate.

    Raises:
        ConfigError: the architecture is unknown or of variable rate, or has another number of
            widths.
    """
    model = _model(architecture)
    if architecture in variable_rate:
        raise ConfigError(f"{architecture} is of variable rate, training here is for one rate")
    count = _width_count(model)
    if len(widths) != count:
        raise ConfigError(f"{architecture} takes {count} widths, the recipe gives {len(widths)}")
    return model(*widths)


def _model(architecture: str) -> type[CompressionModel]:
    if architecture not in _ARCHITECTURES:
        hint = nearest(architecture, _ARCHITECTURES)
        raise ConfigError(f"unknown architecture '{architecture}'; {hint}")
    model: type[CompressionModel] = _ARCHITECTURES[architecture]
    return model


def _loaded(model: type[CompressionModel], state: Mapping[str, Tensor]) -> CompressionModel:
    """Return an instance with these weights.

    The tables of a variable step are of one level alone, and CompressAI would not load them: they
    are left empty, to be made for a level.
    """
    variant = _variant(model, state)
    tables = {name: torch.empty(0, dtype=torch.int32) for name in _STEP_TABLES if variant}
    return model.from_state_dict({**state, **tables}, **variant)


def _variant(model: type[CompressionModel], state: Mapping[str, Tensor]) -> dict[str, bool]:
    """Return what the class must be told of the weights: has their hyper latent a variable step?

    The published ones of bmshj2018-hyperprior-vbr and mbt2018-mean-vbr do; mbt2018-vbr never has.
    """
    is_variable = any(name.startswith(_STEP_NETWORK) for name in state)
    known = inspect.signature(model.from_state_dict).parameters
    return {"vr_entbttlnck": True} if is_variable and "vr_entbttlnck" in known else {}


def _width_count(model: type[CompressionModel]) -> int:
    """Return how many of N and M the class takes."""
    return len({"N", "M"} & set(inspect.signature(model).parameters))


def _stored(net: nn.Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in net.named_parameters()}
    return {
        name: _compact(name, tensor.detach().cpu(), name in parameters)
        for name, tensor in net.state_dict().items()
    }


def _compact(name: str, tensor: Tensor, is_parameter: bool) -> Tensor:
    if name.rpartition(".")[2] in _TABLES:
        return tensor.new_empty(0)
    half = tensor.half()
    if tensor.is_floating_point() and (is_parameter or torch.equal(half.to(tensor), tensor)):
        return half.contiguous()
    return tensor.contiguous()


def _from_safetensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return _floats(parse_safetensors(content))
    except SafetensorError as error:
        raise ConfigError(
            f"{path} is truncated or not a safetensors file ({error}); fetch or train it again"
        ) from error


def _read_card(path: Path, content: bytes) -> Card | None:
    beside = path.with_suffix(".json")
    if not beside.exists():
        return None
    try:
        card = Card.model_validate_json(beside.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{beside} is not the card of a checkpoint: {_first(error)}") from error
    if card.weights_sha256 != hashlib.sha256(content).hexdigest():
        raise ConfigError(f"{path} is not the file its card {beside.name} describes; fetch both")
    return card


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, details['loc']))}: {details['msg']}"


def _from_pickle(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(
            f"{path} is refused: it is truncated, or not a file of tensors alone (code in it is "
            "never run); fetch it again, or save it with torch.save(net.state_dict(), ...)"
        ) from error
    return _floats(load_state_dict(_weights(path, found)))


def _weights(path: Path, found: object) -> dict[str, Tensor]:
    if isinstance(found, dict) and "state_dict" in found:
        found = found["state_dict"]
    if not isinstance(found, dict) or not found or not all(map(torch.is_tensor, found.values())):
        raise ConfigError(
            f"{path} is not a checkpoint: expected tensors by name, or those under 'state_dict'"
        )
    return dict(found)


def _floats(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def _difference(model: type[CompressionModel], state: Mapping[str, Tensor]) -> str:
    """Return in a few words how the names in `state` differ from those of the architecture."""
    smallest = model(*[8] * _width_count(model), **_variant(model, state))
    known = smallest.state_dict()
    missing = [name for name, _ in smallest.named_parameters() if name not in state]
    unexpected = [name for name in state if name not in known]
    for word, names in (("missing", missing), ("unexpected", unexpected)):
        shown = [name for name in names if not name.startswith("entropy_bottleneck.")]
        if shown:
            return f"{word} {', '.join(shown[:2])}{', ...' if len(shown) > 2 else ''}"
    return "the names are the same, the shapes are not"
