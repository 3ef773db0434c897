"""CompressAI's image models, and our denoiser, by name: with given weights, or new ones.

Of `TABLES`, what the entropy coder works with, none need be given: they follow from the parameters.
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
"""The last parts of the tables' names in a state."""

LATENT_CODECS = ("cheng2020-anchor-checkerboard", "elic2022-official", "elic2022-chandelier")
"""Architectures whose entropy model is a tree of CompressAI's latent codecs; none is published."""

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
    """Return the CompressionModel that holds `state`: float32, eval mode, CDF tables present.

    Raises:
        ConfigError: the architecture is unknown, or the weights are another architecture's.
    """
    model = _model(architecture)
    try:
        return coding(_loaded(model, state))
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"this checkpoint holds the weights of another architecture than {architecture} "
            f"({_difference(model, state)}); name the architecture it was trained with"
        ) from error


def coding(net: CompressionModel) -> CompressionModel:
    """Return the net itself, ready to code: float32, eval mode, CDF tables present."""
    net = net.float().eval()
    if isinstance(net, CompressionModel):
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
    if model in _SMALLEST:
        return _of_widths(model, state)
    variant = _variant(model, state)
    tables = {name: torch.empty(0, dtype=torch.int32) for name in _STEP_TABLES if variant}
    return model.from_state_dict({**state, **tables}, **variant)


def _of_widths(model: type[CompressionModel], state: Mapping[str, Tensor]) -> CompressionModel:
    """Return an ELIC of any M; its own `from_state_dict` knows M = 320 alone."""
    widths = [state[name].shape[0] for name in ("g_a.0.weight", "g_a.13.weight")]
    net = model(*widths)
    net.load_state_dict(dict(state))
    return net


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


def _difference(model: type[CompressionModel], state: Mapping[str, Tensor]) -> str:
    """Return in a few words how the names in `state` differ from those of the architecture."""
    widths = _SMALLEST.get(model, (8, 8))[: _width_count(model)]
    smallest = model(*widths, **_variant(model, state))
    known = smallest.state_dict()
    missing = [name for name, _ in smallest.named_parameters() if name not in state]
    unexpected = [name for name in state if name not in known]
    for word, names in (("missing", missing), ("unexpected", unexpected)):
        shown = [name for name in names if "entropy_bottleneck." not in name]
        if shown:
            return f"{word} {', '.join(shown[:2])}{', ...' if len(shown) > 2 else ''}"
    return "the names are the same, the shapes are not"
