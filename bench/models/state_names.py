"""A model's tensors among the names that people save: wrappers, nesting, old spellings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from bench.errors import ConfigError
from bench.models.coder_tables import with_empty_tables
from bench.models.fit import check_types

NetT = TypeVar("NetT", bound=nn.Module)

_WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

_OLD = re.compile(r"(?<![^.])_(matri|bias|factor)(?:x|ces|es|s)?\.?(\d+)$")
"""Parameters of an entropy bottleneck, as earlier versions of CompressAI named them."""

_NEW = {"matri": "matrices", "bias": "biases", "factor": "factors"}
_FLAT = {"matri": "_matrix", "bias": "_bias", "factor": "_factor"}


def tensors_by_name(content: object) -> dict[str, Tensor]:
    """Return the tensors of a saved object by name; empty if it holds none.

    They may lie under one key, whatever it is called. Under several keys, such as `params` and
    `params_ema`, each name starts with its key.
    """
    if not isinstance(content, Mapping):
        return {}
    groups = {str(key): value for key, value in content.items() if _is_state(value)}
    if _is_state(content):
        found = {str(name): tensor for name, tensor in content.items()}
    elif len(groups) == 1:
        (group,) = groups.values()
        found = {str(name): tensor for name, tensor in group.items()}
    else:
        found = {
            f"{key}.{name}": one for key, group in groups.items() for name, one in group.items()
        }
    return _without_wrappers(found)


def unwrapped(state: Mapping[str, Tensor], marker: str) -> dict[str, Tensor]:
    """Return the part of a state that is one net, without what precedes its names.

    Args:
        state: tensors by name, perhaps those of an optimiser's or a loss's net among them.
        marker: the name of a weight of the net.

    Raises:
        ConfigError: the state holds several such nets.
    """
    found = [name.removesuffix(marker) for name in state if f".{name}".endswith(f".{marker}")]
    if len(found) > 1:
        keys = " and ".join(f"'{prefix.rstrip('.') or marker}'" for prefix in sorted(found))
        raise ConfigError(
            f"this checkpoint holds the weights of several nets, under {keys}; save one of them"
            " with torch.save(net.state_dict(), ...)"
        )
    return _under(state, found[0]) if found else dict(state)


def spelled(state: Mapping[str, Tensor], known: Collection[str]) -> dict[str, Tensor]:
    """Return a state under the names that a net knows; names unknown in any spelling remain."""
    return {
        next((name for name in _spellings(old) if name in known), old): tensor
        for old, tensor in state.items()
    }


def fitted(load: Callable[[dict[str, Tensor]], NetT], state: Mapping[str, Tensor]) -> NetT:
    """Return the net that a function makes of a state, under the first names that it takes.

    They are tried as they are, in CompressAI's old spelling with empty tables where there are
    none, and then without what precedes all of them.

    Raises:
        ConfigError: a tensor has another type than in the net.
        Exception: what the function raises for the names as they are.
    """
    refusals: list[Exception] = []
    for names in _readings(state):
        net = _attempt(load, names, refusals)
        if net is not None:
            check_types(net, names)
            return net
    raise refusals[0] if refusals else KeyError("no names")


def _attempt(
    load: Callable[[dict[str, Tensor]], NetT],
    state: Mapping[str, Tensor],
    refusals: list[Exception],
) -> NetT | None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Casting complex values to real")
            return load(dict(state))
    except (KeyError, RuntimeError, IndexError) as error:
        refusals.append(error)
        return None


def beginnings(state: Mapping[str, Tensor]) -> str:
    """Return the first parts of the names of a state, for an error message."""
    heads = list(dict.fromkeys(name.partition(".")[0] for name in state))
    return f"{', '.join(heads[:4])}{', ...' if len(heads) > 4 else ''}"


def _is_state(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(torch.is_tensor, value.values()))


def _without_wrappers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS * 2:
        if state and all(name.startswith(wrapper) for name in state):
            state = _under(state, wrapper)
    return state


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def _spellings(name: str) -> Iterator[str]:
    yield name
    renamed = _flat(name)
    yield renamed
    yield _OLD.sub(lambda old: f"{_NEW[old[1]]}.{old[2]}", renamed)


def _readings(state: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
    """Yield a state under the names that its net may have, as saved first."""
    while state:
        yield state
        yield with_empty_tables({_flat(name): tensor for name, tensor in state.items()})
        heads = {name.partition(".")[0] for name in state}
        if len(heads) > 1 or heads & set(state):
            return
        state = _under(state, f"{heads.pop()}.")


def _flat(name: str) -> str:
    """Return a name in the spelling that every version of CompressAI reads."""
    name = name.replace(".downsample.", ".skip.")
    return _OLD.sub(lambda old: f"{_FLAT[old[1]]}{old[2]}", name)
