"""Parameters written on the command line as KEY=VALUE, their values read as YAML."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from bench.errors import ConfigError, told
from bench.registry.registry import Choice


def given(words: Sequence[str]) -> tuple[tuple[str, object], ...]:
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
        raise ConfigError(f"a value is no YAML: {told(error)}") from error


def chosen(words: Sequence[str]) -> Choice:
    """Return an implementation: a name, and its parameters after it."""
    return Choice(words[0], given(words[1:]))
