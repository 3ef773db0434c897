"""Tells the harness's own components from those with foreign code: plugins and installed ones."""

from __future__ import annotations

from bench.registry.registry import Component, is_built_in
from bench.registry.trusted import trusted_module


def is_foreign(component: Component) -> bool:
    """Return whether a component, one of its parameters or one of its parts is foreign code."""
    parts = (*component.defence, *component.objectives, *component.codecs.values())
    return (
        not is_built_in(component.kind, component.name)
        or any(_names_foreign_class(value) for _, value in component.params)
        or any(map(is_foreign, parts))
    )


def _names_foreign_class(value: object) -> bool:
    """Return whether a parameter is "module:Class" of a plugin."""
    return isinstance(value, str) and trusted_module(value.partition(":")[0]) is not None
