"""Modules whose code may be used because a file of the user's names them."""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

from bench.errors import ConfigError

Kind = TypeVar("Kind")

_NAMED: dict[str, ModuleType] = {}


def trust(name: str, module: ModuleType) -> None:
    """Remember that a module was named, and what for."""
    _NAMED[name] = module


def trusted_module(name: str) -> ModuleType | None:
    """Return the module that was named so: a dotted name, or a file's name without its suffix."""
    return _NAMED.get(name)


def load_class(model: str, kind: type[Kind]) -> type[Kind]:
    """Return the class that a suite calls "module:Class".

    Args:
        model: its name.
        kind: what it must be derived from.

    Raises:
        ConfigError: the module was not named in `plugins`, or has no such class.
    """
    name, _, attribute = model.partition(":")
    module = trusted_module(name)
    if module is None:
        raise ConfigError(
            f"the model {model} runs code of '{name}'; name that module or file in 'plugins'"
        )
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"'{name}' has no {kind.__name__} '{attribute}'; write module:Class")
    return found
