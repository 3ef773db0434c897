"""Parameters written on the command line as KEY=VALUE, their values read as YAML."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from bench.errors import ConfigError, one_line
from bench.registry.registry import ComponentSpec


def parse_params(words: Sequence[str]) -> tuple[tuple[str, object], ...]:
    """Return parameters and their values.

    Raises:
        ConfigError: a word has no "=", or a value is no YAML.
    """
    pairs = [word.partition("=") for word in words]
    if not all(equals for _, equals, _ in pairs):
        raise ConfigError("parameters are written KEY=VALUE, such as quality=50")
    try:
        return tuple((key, yaml.safe_load(value)) for key, _, value in pairs)
    except yaml.YAMLError as error:
        raise ConfigError(f"a value is no YAML: {one_line(error)}") from error


def parse_component(words: Sequence[str]) -> ComponentSpec:
    """Return an implementation: a name, and its parameters after it."""
    return ComponentSpec(words[0], parse_params(words[1:]))
