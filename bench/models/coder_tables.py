"""The entropy coder's tables, always made from the weights.

A checkpoint may hold tables, and they may be those of other weights: fine-tuning changes the
weights and leaves the tables. The tables of a file are therefore never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from compressai.entropy_models import (
    EntropyBottleneck,
    EntropyBottleneckVbr,
    EntropyModel,
    EntropyModelVbr,
)
from compressai.models import CompressionModel
from torch import Tensor, nn

from bench.errors import ConfigError

TABLES = ("_quantized_cdf", "_offset", "_cdf_length", "scale_table")
"""The last parts of the names of the entropy coder's tables in a state."""

LONGEST = 2**12
"""The most symbols that the quantiles of a channel may span. The time to make a table grows with
the square of this number."""

_BITS = 16
"""The precision of the coder's frequencies."""

_MARKS = {"quantiles": TABLES[:3], "scale_bound": TABLES}
"""Tensors that only entropy models have, and the tables of such a model."""


def make_tables(net: CompressionModel) -> None:
    """Make the tables of a net from its weights; tables that it already has are discarded.

    They are those of CompressAI's `net.update(force=True)`, also for classes whose `update` has no
    such argument.

    Raises:
        ConfigError: the quantiles span too many symbols, or `update` leaves out a part of the net
            that had tables.
    """
    filled = _with_tables(net)
    for name, model in _entropy_models(net):
        _check_span(name, model)
        for table in TABLES[:3]:
            setattr(model, table, torch.empty(0, dtype=torch.int32))
    with torch.no_grad():
        net.update()
    if lost := filled - _with_tables(net):
        raise ConfigError(
            f"update() of {type(net).__name__} makes no tables for {min(lost)}; make them there, as"
            " CompressionModel.update does"
        )


def without_tables(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state without the entropy coder's tables."""
    return {name: tensor for name, tensor in state.items() if last_part(name) not in TABLES}


def with_empty_tables(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state with an empty table wherever an entropy model in it lacks one."""
    missing = {
        name.removesuffix(mark) + table
        for mark, tables in _MARKS.items()
        for name in state
        if last_part(name) == mark
        for table in tables
    }
    return {**{name: torch.empty(0, dtype=torch.int32) for name in missing}, **state}


def last_part(name: str) -> str:
    """Return what follows the last dot of a name."""
    return name.rpartition(".")[2]


def least_bits(net: nn.Module) -> float:
    """Return the bits of the most frequent symbols: one in each channel of each bottleneck."""
    return sum(
        float((_BITS - _most_frequent(model).log2()).sum())
        for model in net.modules()
        if isinstance(model, EntropyBottleneck | EntropyBottleneckVbr)
    )


def _most_frequent(model: EntropyBottleneck | EntropyBottleneckVbr) -> Tensor:
    """Return the greatest frequency of each channel, of 2**16."""
    frequencies: Tensor = model.quantized_cdf.diff(dim=1)
    return frequencies.amax(1).double()


def _with_tables(net: nn.Module) -> set[str]:
    """Return the names of the entropy models that have tables."""
    return {name for name, model in _entropy_models(net) if model.offset.numel()}


def _entropy_models(net: nn.Module) -> Iterator[tuple[str, EntropyModel | EntropyModelVbr]]:
    for name, module in net.named_modules():
        if isinstance(module, EntropyModel | EntropyModelVbr):
            yield name, module


def _check_span(name: str, model: nn.Module) -> None:
    quantiles = getattr(model, "quantiles", None)
    if quantiles is None:
        return
    quantiles = quantiles.detach()
    span = float((quantiles[:, 0, 2] - quantiles[:, 0, 0]).max())
    if span > LONGEST:
        raise ConfigError(
            f"the quantiles of {name} span {span:.0f} symbols, the entropy coder takes at most"
            f" {LONGEST} here; train them (aux_loss), or call update(update_quantiles=True)"
        )
