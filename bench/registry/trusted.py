"""The modules whose code may run because the user's suite or recipe names them."""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

from bench.errors import ConfigError

BaseT = TypeVar("BaseT")

_MODULES: dict[str, ModuleType] = {}


def trust(name: str, module: ModuleType) -> None:
    """Add a module that the user named."""
    _MODULES[name] = module


def trusted_module(name: str) -> ModuleType | None:
    """Return a module by its dotted name, or by its file name without the suffix."""
    return _MODULES.get(name)


def load_class(model: str, base: type[BaseT]) -> type[BaseT]:
    """Return a class that a suite names.

    Args:
        model: "module:Class".
        base: the required base class.

    Raises:
        ConfigError: the module is not in `plugins`, or has no such class.
    """
    name, _, attribute = model.partition(":")
    module = trusted_module(name)
    if module is None:
        raise ConfigError(
            f"the model {model} runs code of '{name}'; name that module or file in 'plugins'"
        )
    named = getattr(module, attribute, None)
    if not (isinstance(named, type) and issubclass(named, base)):
        raise ConfigError(f"'{name}' has no {base.__name__} '{attribute}'; write module:Class")
    return named
