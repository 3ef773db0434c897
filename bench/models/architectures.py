"""CompressAI's image models and the denoiser by name, with existing or new weights.

A state need not contain the entropy coder's tables (`TABLES`): they follow from the parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import torch
from compressai.models import CompressionModel, Elic2022Chandelier, Elic2022Official
from compressai.registry import MODELS
from compressai.zoo.image import model_architectures as fixed_rate
from compressai.zoo.image_vbr import model_architectures as variable_rate
from torch import Tensor

from bench.errors import ConfigError
from bench.models.denoiser import Denoiser
from bench.utils.yaml_config import nearest

TABLES = ("_quantized_cdf", "_offset", "_cdf_length", "scale_table")
"""The last parts of the names of the entropy coder's tables in a state."""

LATENT_CODECS = ("cheng2020-anchor-checkerboard", "elic2022-official", "elic2022-chandelier")
"""Architectures built from CompressAI's latent codecs; no weights are published for them."""

_ARCHITECTURES = {
    **fixed_rate,
    **variable_rate,
    **{name: MODELS[name] for name in LATENT_CODECS},
    "denoiser": Denoiser,
}
_SMALLEST = {Elic2022Official: (8, 136), Elic2022Chandelier: (8, 136)}
_STEP_TABLES = tuple(f"entropy_bottleneck.{table}" for table in TABLES[:3])
_STEP_NETWORK = "gayn2zqstep."


def build(architecture: str, state: Mapping[str, Tensor]) -> CompressionModel:
    """Return a model with the weights `state`: float32, eval mode, with CDF tables.

    Raises:
        ConfigError: the architecture is unknown, or the weights belong to another architecture.
    """
    model_class = _model_class(architecture)
    try:
        return coding(_loaded(model_class, state))
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"this checkpoint holds the weights of another architecture than {architecture} "
            f"({_difference(model_class, state)}); name the architecture it was trained with"
        ) from error


def coding(net: CompressionModel) -> CompressionModel:
    """Make a model ready to code (float32, eval mode, with CDF tables), and return it."""
    net = net.float().eval()
    if isinstance(net, CompressionModel):
        net.update()
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
    return model_class(*widths)


def _model_class(architecture: str) -> type[CompressionModel]:
    if architecture not in _ARCHITECTURES:
        hint = nearest(architecture, _ARCHITECTURES)
        raise ConfigError(f"unknown architecture '{architecture}'; {hint}")
    model_class: type[CompressionModel] = _ARCHITECTURES[architecture]
    return model_class


def _loaded(model_class: type[CompressionModel], state: Mapping[str, Tensor]) -> CompressionModel:
    """Return a model with these weights.

    The tables of models with a variable quantisation step hold for one level only, and CompressAI
    does not load them. They stay empty until they are computed for a level.
    """
    if model_class in _SMALLEST:
        return _elic_of_widths(model_class, state)
    options = _options(model_class, state)
    tables = {name: torch.empty(0, dtype=torch.int32) for name in _STEP_TABLES if options}
    return model_class.from_state_dict({**state, **tables}, **options)


def _elic_of_widths(
    model_class: type[CompressionModel], state: Mapping[str, Tensor]
) -> CompressionModel:
    """Return an ELIC model of any M; its own `from_state_dict` supports M = 320 only."""
    widths = [state[name].shape[0] for name in ("g_a.0.weight", "g_a.13.weight")]
    net = model_class(*widths)
    net.load_state_dict(dict(state))
    return net


def _options(model_class: type[CompressionModel], state: Mapping[str, Tensor]) -> dict[str, bool]:
    """Return the constructor option for a variable quantisation step of the hyper-latent.

    The published weights of bmshj2018-hyperprior-vbr and mbt2018-mean-vbr have a variable step;
    mbt2018-vbr never has.
    """
    is_variable = any(name.startswith(_STEP_NETWORK) for name in state)
    known = inspect.signature(model_class.from_state_dict).parameters
    return {"vr_entbttlnck": True} if is_variable and "vr_entbttlnck" in known else {}


def _width_count(model_class: type[CompressionModel]) -> int:
    """Return how many of N and M the class takes."""
    return len({"N", "M"} & set(inspect.signature(model_class).parameters))


def _difference(model_class: type[CompressionModel], state: Mapping[str, Tensor]) -> str:
    """Return a short description of how the names in `state` differ from the architecture's."""
    widths = _SMALLEST.get(model_class, (8, 8))[: _width_count(model_class)]
    smallest = model_class(*widths, **_options(model_class, state))
    known = smallest.state_dict()
    missing = [name for name, _ in smallest.named_parameters() if name not in state]
    unexpected = [name for name in state if name not in known]
    for word, names in (("missing", missing), ("unexpected", unexpected)):
        shown = [name for name in names if "entropy_bottleneck." not in name]
        if shown:
            return f"{word} {', '.join(shown[:2])}{', ...' if len(shown) > 2 else ''}"
    return "the names are the same, the shapes are not"
