"""Modules whose code may be used because a file of the user's names them."""

from __future__ import annotations

from types import ModuleType

_NAMED: dict[str, ModuleType] = {}


def give(name: str, module: ModuleType) -> None:
    """Remember that a module was named, and what for."""
    _NAMED[name] = module


def given(name: str) -> ModuleType | None:
    """Return the module that was named so: a dotted name, or a file's name without its suffix."""
    return _NAMED.get(name)
