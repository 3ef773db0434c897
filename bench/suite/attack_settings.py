"""The settings of an attack in a suite that are not parameters of the attack."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Mapping
from typing import Any

from bench.codec import Rounding
from bench.errors import ConfigError
from bench.registry.component_spec import AT_SOURCE, Transfer
from bench.utils.yaml_config import as_list

SETTINGS = frozenset({"transfer", "sources", "rounding", "starts", "start_from", "extensions"})
"""The keys of the settings."""

MOST_STARTS = 1000
"""Largest number of searches of one attack for each picture."""

MOST_EXTENSIONS = 5
"""How often the steps of a search can be doubled at most."""


def attack_settings(item: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the settings of an attack, as arguments of a `ComponentSpec`.

    Raises:
        ConfigError: one of them has a value that is not valid.
    """
    return {
        "transfer": _one_of("transfer", Transfer, item.get("transfer")),
        "sources": _sources(item.get("sources", [])),
        "rounding": _one_of("rounding", Rounding, item.get("rounding")),
        "starts": _number("starts", item.get("starts", 1), 1, MOST_STARTS),
        "start_from": _start_from(item.get("start_from")),
        "extensions": _number("extensions", item.get("extensions", 0), 0, MOST_EXTENSIONS),
    }


def _one_of(key: str, known: object, value: Any) -> Any:  # noqa: ANN401 - YAML as it was written
    """Return the value of a setting that is one of the values of a Literal, or None."""
    values = typing.get_args(known)
    if value is not None and value not in values:
        raise ConfigError(f"'{key}' of an attack is one of {', '.join(values)}, not {value!r}")
    return value


def _number(key: str, value: Any, least: int, most: int) -> int:  # noqa: ANN401 - YAML as it was written
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(f"'{key}' of an attack is a number from {least} to {most}, not {value!r}")
    return value


def _start_from(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - YAML as it was written
    """Return the labels of an attack and, if it is given, of an objective."""
    if value is None:
        return ()
    if value == "source":
        return AT_SOURCE
    labels = value if isinstance(value, dict) else {}
    if "attack" not in labels or not {"attack", "objective"} >= labels.keys():
        raise ConfigError(
            "'start_from' of an attack is 'source', or a mapping with attack, the label of another"
            f" attack, and objective, which may be left out, not {value!r}"
        )
    return tuple(str(labels[key]) for key in ("attack", "objective") if key in labels)


def _sources(items: Any) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401 - YAML as it was written
    groups = tuple(tuple(as_list(item)) for item in as_list(items))
    for label in itertools.chain(*groups):
        if not isinstance(label, str):
            raise ConfigError(f"'sources' of an attack are labels of codecs, not {label!r}")
    return groups
