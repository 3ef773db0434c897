"""Consent to the code that a stored suite names: plugins and programs of whoever made the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from bench.registry.registry import entries


def refuse_foreign_code(
    suite: Mapping[str, Any], folder: Path, author: str, *, allowed: bool
) -> None:
    """Refuse a stored suite that names plugins or programs, unless they are allowed.

    Args:
        suite: the suite as a manifest or an entry stores it.
        folder: the folder of the run or the entry.
        author: who published it; empty where that is not known.
        allowed: whether the plugins and programs that it names may run.

    Raises:
        ConfigError: it names plugins or programs, and they are not allowed.
    """
    if allowed:
        return
    by = f" of '{author}'" if author else ""
    if plugins := suite.get("plugins"):
        names = ", ".join(map(str, plugins)) if isinstance(plugins, list) else plugins
        raise ConfigError(
            f"{folder} names plugins, code{by} that would run here: {names}; read it, and pass"
            " --plugins if you trust it"
        )
    for component in _running_programs(suite):
        values = component.get("params") or component
        raise ConfigError(
            f"{folder} names programs{by} that would run here: {values!r}; read it, and pass"
            " --plugins if you trust it"
        )


def _running_programs(part: object) -> Iterator[Mapping[str, Any]]:
    """Yield the components of a stored suite that run programs which the suite names.

    A component can be an item of a list or a parameter of another component.
    """
    if isinstance(part, Mapping):
        name = part.get("name")
        known = entries("codec").get(name) if isinstance(name, str) else None
        if known is not None and known.runs_programs:
            yield part
        part = list(part.values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from _running_programs(inner)
