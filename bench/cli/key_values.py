"""Values written on the command line: KEY=VALUE, read as YAML, and the size of a crop."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.utils.plain_yaml import read_value


def parse_params(words: Sequence[str]) -> tuple[tuple[str, object], ...]:
    """Return parameters and their values; a label is text, even if it looks like YAML.

    Raises:
        ConfigError: a word has no "=", a key is given twice, or a value is no YAML.
    """
    params: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError("parameters are written KEY=VALUE, such as quality=50")
        if key in params:
            raise ConfigError(f"the parameter '{key}' is given twice; remove one")
        params[key] = value if key == "label" else read_value(value, word)
    return tuple(params.items())


def parse_component(words: Sequence[str]) -> ComponentSpec:
    """Return an implementation: a name, and its parameters after it."""
    return ComponentSpec(words[0], parse_params(words[1:]))


def parse_crop(text: str) -> tuple[int, int]:
    """Return the height and the width of a crop in pixels, written HEIGHTxWIDTH.

    Raises:
        ConfigError: it is written otherwise.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ConfigError(f"a crop is written HEIGHTxWIDTH, such as 256x256, not '{text}'")
    return int(match[1]), int(match[2])
