"""What installed distributions bring, by their entry points; every error names who brought it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import metadata
from typing import Any

from bench.entry import Entry
from bench.errors import ConfigError, one_line, raise_if_machine


def merged_with_entry_points(kind: str, own: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the implementations of a kind that ship with the harness, and the installed ones.

    Raises:
        ConfigError: a distribution claims a name that is taken.
    """
    known = dict(own)
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


def checked_entry(kind: str, name: str, found: Entry) -> Entry:
    """Return an entry; where an entry point names one, that one.

    Raises:
        ConfigError: what an entry point names cannot be imported, or made with parameters.
    """
    if not found.owner:
        return found
    target = attribute(found, found.target)
    if isinstance(target, Entry):
        return replace(target, owner=found.owner)
    if not callable(target):
        raise ConfigError(
            f"{found.owner} registers the {kind} '{name}' as {found.target}, which is no class,"
            " function or Entry; mend or uninstall it"
        )
    return found


def attribute(found: Entry, target: str | Callable[..., Any]) -> Any:  # noqa: ANN401 - what it names
    """Return what an entry's target or probe names, or is.

    Raises:
        ConfigError: it cannot be imported.
    """
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a plugin's import can fail in any way
        raise_if_machine(error)
        raise ConfigError(
            f"cannot import {target}{found.origin} ({one_line(error)}); mend or remove it"
        ) from error
