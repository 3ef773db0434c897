"""Consent to the plugins of a stored suite: they are code of whoever made the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import ConfigError


def refuse_plugins(suite: Mapping[str, Any], folder: Path, author: str, *, allowed: bool) -> None:
    """Refuse a stored suite that names plugins, unless plugins are allowed.

    Args:
        suite: the suite as a manifest or an entry stores it.
        folder: the folder of the run or the entry.
        author: who published it; empty where that is not known.
        allowed: whether the plugins that it names may run.

    Raises:
        ConfigError: it names plugins, and they are not allowed.
    """
    plugins = suite.get("plugins")
    if plugins and not allowed:
        names = ", ".join(map(str, plugins)) if isinstance(plugins, list) else plugins
        code = f"code of '{author}'" if author else "code"
        raise ConfigError(
            f"{folder} names plugins, {code} that would run here: {names}; read it, and pass"
            " --plugins if you trust it"
        )
