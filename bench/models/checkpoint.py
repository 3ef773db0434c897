"""Checkpoints: `NAME.safetensors` with its card `NAME.json`, or files of CompressAI.

Parameters are stored as fp16. A buffer (a bound, a pedestal) is stored as fp16 only if that is
lossless; otherwise the pedestal of GDN and the lower bound of the likelihoods would become zero.
The mask of a masked convolution is a constant and is not stored. The tables of the entropy coder
are stored empty: they are always made from the weights, and for Gaussian models they would be
larger than the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import torch
from compressai.models import CompressionModel
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from bench import __version__
from bench.errors import ConfigError
from bench.models.architectures import build
from bench.models.card import Card, read_card, write_card
from bench.models.coder_tables import TABLES, last_part
from bench.models.state_names import tensors_by_name
from bench.models.torch_files import check_size, is_stored, load_torch
from bench.utils.files import read_file, write_atomically

_MASK = "mask"
"""The last part of the name of a masked convolution's mask."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes:
        state: float32, integer and complex tensors by name.
        card: its card; None if there is none.
    """

    state: dict[str, Tensor]
    card: Card | None


def versions() -> dict[str, str]:
    """Return the versions of torch, CompressAI and this project, by name."""
    return {
        "torch": metadata.version("torch"),
        "compressai": metadata.version("compressai"),
        "project": __version__,
    }


def save(path: Path, net: nn.Module, card: Card) -> None:
    """Write the weights of a net and its card.

    Args:
        path: path of the weights (.safetensors); the card is written beside it (.json). The folder
            is created if it does not exist.
        net: the net.
        card: its card; `weights_sha256` is filled in here.
    """
    content = format_safetensors(_state_to_store(net))
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(content).hexdigest()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    write_card(path, card)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint: .safetensors with its card, or a .pth, .pt or .pth.tar of CompressAI.

    Raises:
        ConfigError: the file is missing, damaged, not a checkpoint, or contains code.
    """
    is_safetensors = path.suffix == ".safetensors"
    try:
        check_size(path)
        content = read_file(path) if is_safetensors else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read the checkpoint {path}: {reason}") from error
    if is_safetensors:
        return Checkpoint(_from_safetensors(path, content), read_card(path))
    return Checkpoint(_from_pickle(path), None)


def load(path: Path, architecture: str) -> CompressionModel:
    """Read a checkpoint and build its net: float32, eval mode, with CDF tables.

    Raises:
        ConfigError: the checkpoint cannot be read, or is of another architecture.
    """
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


def _state_to_store(net: nn.Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in net.named_parameters()}
    return {
        name: _compact(name, tensor.detach().cpu(), name in parameters)
        for name, tensor in net.state_dict().items()
        if last_part(name) != _MASK
    }


def _compact(name: str, tensor: Tensor, is_parameter: bool) -> Tensor:
    if last_part(name) in TABLES:
        return tensor.new_empty(0)
    half = tensor.half()
    if tensor.is_floating_point() and (is_parameter or torch.equal(half.to(tensor), tensor)):
        return half.contiguous()
    return tensor.contiguous()


def _from_safetensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        state = parse_safetensors(content)
    except SafetensorError as error:
        raise ConfigError(
            f"{path} is truncated or not a safetensors file ({error}); fetch or train it again"
        ) from error
    return _floats(path, tensors_by_name(state))


def _from_pickle(path: Path) -> dict[str, Tensor]:
    try:
        content = load_torch(path)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{path} is refused: it is truncated, or not a file of tensors alone (code in it is "
            "never run); fetch it again, or save it with torch.save(net.state_dict(), ...)"
        ) from error
    return _floats(path, tensors_by_name(content) or _refused(path, content))


def _refused(path: Path, content: object) -> NoReturn:
    keys = f" {', '.join(map(str, content))[:80]}" if isinstance(content, dict) else ""
    raise ConfigError(
        f"{path} is not a checkpoint: expected tensors by name, or those under a key such as"
        f" 'state_dict', found {type(content).__name__}{keys}; save it with"
        " torch.save(net.state_dict(), ...)"
    )


def _floats(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for name, tensor in state.items():
        if not is_stored(tensor):
            raise ConfigError(
                f"{path} is refused: {name} is not an array that the file holds whole; save it with"
                " torch.save({name: tensor.contiguous() ...})"
            )
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
