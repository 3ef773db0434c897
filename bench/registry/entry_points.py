"""Implementations of installed distributions, from entry points; errors name the distribution."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from importlib import metadata
from typing import Any

from bench.entry import Entry
from bench.errors import ConfigError, cause, raise_if_machine
from bench.utils.startup_call import startup_call


def merged_with_entry_points(kind: str, built_in: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the built-in and the installed implementations of a kind.

    Raises:
        ConfigError: a distribution registers a name that is already taken.
    """
    known = dict(built_in)
    for point in metadata.entry_points(group=f"bench.{kind}s"):
        owner = point.dist.name if point.dist else point.value
        if point.name in known:
            first = known[point.name].owner or "the harness itself"
            raise ConfigError(
                f"{owner} registers the {kind} '{point.name}', a name already taken by {first};"
                f" uninstall {owner} or rename its entry point"
            )
        known[point.name] = Entry(point.value, "from an installed plugin", owner=owner)
    return known


def checked_entry(kind: str, name: str, entry: Entry) -> Entry:
    """Return an entry; if an entry point names an `Entry` object, return that object.

    Raises:
        ConfigError: the object that an entry point names cannot be imported or called.
    """
    if not entry.owner:
        return entry
    target = import_target(entry, entry.target)
    if isinstance(target, Entry):
        return replace(target, owner=entry.owner)
    if not callable(target):
        raise ConfigError(
            f"{entry.owner} registers the {kind} '{name}' as {entry.target}, which is not a"
            " class, function or Entry; correct or uninstall it"
        )
    return entry


def import_target(entry: Entry, target: str | Callable[..., Any]) -> Any:  # noqa: ANN401 - what it names
    """Return the object that a target of an entry names; an object is returned as it is.

    Raises:
        ConfigError: the object cannot be imported.
    """
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    try:
        with startup_call(f"the import of {module}") if entry.owner else nullcontext():
            return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a plugin's import can fail in any way
        raise_if_machine(error)
        raise ConfigError(
            f"cannot import {target}{entry.origin} ({cause(error)}); correct or remove it"
        ) from error
