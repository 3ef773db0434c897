"""CompressAI's image models and the denoiser by name, with existing or new weights.

The entropy coder's tables are always made from the weights (`bench.models.coder_tables`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from compressai.models import CompressionModel, Elic2022Chandelier, Elic2022Official
from compressai.registry import MODELS
from compressai.zoo.image import model_architectures as fixed_rate
from compressai.zoo.image_vbr import model_architectures as variable_rate
from torch import Tensor, nn

from bench.errors import ConfigError, one_line
from bench.models.coder_tables import make_tables, without_tables
from bench.models.denoiser import Denoiser
from bench.models.fit import check_finite, check_names, check_shapes, check_types
from bench.models.state_names import spelled, unwrapped
from bench.utils.yaml_config import nearest

LATENT_CODECS = ("cheng2020-anchor-checkerboard", "elic2022-official", "elic2022-chandelier")
"""Architectures built from CompressAI's latent codecs; no weights are published for them."""

_ARCHITECTURES = {
    **fixed_rate,
    **variable_rate,
    **{name: MODELS[name] for name in LATENT_CODECS},
    "denoiser": Denoiser,
}
_SMALLEST = {Elic2022Official: (8, 136), Elic2022Chandelier: (8, 136)}
_WIDTHS = {
    "N": ("g_a.0.weight", "g_a.0.conv1.weight", "correction.1.weight"),
    "M": ("g_a.6.weight", "g_a.13.weight"),
}
"""The names of the weights whose first side is a width, by the width."""

_WIDEST = 2**10
"""The largest width. A file of a few bytes could otherwise ask for any amount of memory."""

_STEP_NETWORK = "gayn2zqstep."
_UNUSED = ("QuantOffset",)
"""Names in published weights that their architecture does not use."""


def build(architecture: str, state: Mapping[str, Tensor]) -> CompressionModel:
    """Return a model with the weights `state`: float32, eval mode, with CDF tables.

    The weights may be those of a wrapped model, or have the names of earlier versions. Tables in
    `state` are not used, and constants that it lacks are those of the architecture.

    Raises:
        ConfigError: the architecture is unknown, or the weights do not fit it.
    """
    model_class = _model_class(architecture)
    options = _options(model_class, state)
    smallest = _smallest(architecture, tuple(options))
    own = _own(state, smallest)
    check_names(architecture, own, dict(smallest.named_parameters()), smallest.state_dict())
    net = _of_widths(architecture, model_class, _widths(model_class, own, smallest), **options)
    check_shapes(architecture, net, own)
    check_types(net, own)
    net.load_state_dict({**net.state_dict(), **own})
    return coding(net)


def is_architecture(net: nn.Module) -> bool:
    """Return whether a model has one of the architectures here and no class derived from it."""
    return type(net) in _ARCHITECTURES.values()


def coding(net: CompressionModel) -> CompressionModel:
    """Make a model ready to code (float32, eval mode, with new CDF tables), and return it.

    Raises:
        ConfigError: a weight is not finite, or no tables can be made from the weights.
    """
    net = net.float().eval()
    check_finite(net)
    if isinstance(net, CompressionModel):
        make_tables(net)
    return net


def fresh(architecture: str, widths: Sequence[int]) -> CompressionModel:
    """Return a model with random weights, to be trained for one rate.

    Args:
        architecture: its name.
        widths: its numbers of channels, N and, where the architecture has it, M.

    Raises:
        ConfigError: the architecture is unknown or variable-rate, or takes another number of
            widths.
    """
    model_class = _model_class(architecture)
    if architecture in variable_rate:
        raise ConfigError(f"{architecture} is a variable-rate model; only fixed-rate models train")
    count = _width_count(model_class)
    if len(widths) != count:
        raise ConfigError(f"{architecture} takes {count} widths, the recipe has {len(widths)}")
    return _of_widths(architecture, model_class, widths)


def _model_class(architecture: str) -> type[CompressionModel]:
    if architecture not in _ARCHITECTURES:
        hint = nearest(architecture, _ARCHITECTURES)
        raise ConfigError(f"unknown architecture '{architecture}'; {hint}")
    model_class: type[CompressionModel] = _ARCHITECTURES[architecture]
    return model_class


def _of_widths(
    architecture: str, model_class: type[CompressionModel], widths: Sequence[int], **options: bool
) -> CompressionModel:
    """Return a model with random weights."""
    shown = " and ".join(map(str, widths))
    if max(widths) > _WIDEST:
        raise ConfigError(
            f"{architecture} with {shown} channels is wider than the {_WIDEST} that are supported"
        )
    try:
        return model_class(*widths, **options)
    except (RuntimeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"{architecture} cannot have {shown} channels ({one_line(error)}); name the"
            " architecture that the weights were trained with"
        ) from error


def _own(state: Mapping[str, Tensor], net: CompressionModel) -> dict[str, Tensor]:
    """Return the tensors of a state that belong to such a net, under its names, without tables."""
    known = net.state_dict()
    marker = next(name for name in _WIDTHS["N"] if name in known)
    own = without_tables(spelled(unwrapped(state, marker), known))
    return {name: tensor for name, tensor in own.items() if name not in _UNUSED}


def _widths(
    model_class: type[CompressionModel], state: Mapping[str, Tensor], net: CompressionModel
) -> list[int]:
    """Return the widths that the weights of a state have, for a class and one of its nets."""
    known = net.state_dict()
    names = [next((name for name in names if name in known), "") for names in _WIDTHS.values()]
    return [max(1, *state[name].shape[:1]) for name in names[: _width_count(model_class)]]


@lru_cache
def _smallest(architecture: str, options: tuple[str, ...]) -> CompressionModel:
    """Return a net of few channels, for its names; the random state is left as it is."""
    model_class = _model_class(architecture)
    widths = _SMALLEST.get(model_class, (8, 8))[: _width_count(model_class)]
    with torch.random.fork_rng(devices=[]):
        return model_class(*widths, **dict.fromkeys(options, True))


def _options(model_class: type[CompressionModel], state: Mapping[str, Tensor]) -> dict[str, bool]:
    """Return the constructor option for a variable quantisation step of the hyper-latent.

    The published weights of bmshj2018-hyperprior-vbr and mbt2018-mean-vbr have a variable step;
    mbt2018-vbr never has.
    """
    is_variable = any(f".{_STEP_NETWORK}" in f".{name}" for name in state)
    known = inspect.signature(model_class).parameters
    return {"vr_entbttlnck": True} if is_variable and "vr_entbttlnck" in known else {}


def _width_count(model_class: type[CompressionModel]) -> int:
    """Return how many of N and M the class takes."""
    return len({"N", "M"} & set(inspect.signature(model_class).parameters))
