"""Code that a stranger's entry names: it runs only for those who say so."""

from __future__ import annotations

from pathlib import Path

from bench.errors import ConfigError
from leaderboard.entry import Sealed


def refuse_plugins(one: Sealed, folder: Path, *, allowed: bool) -> None:
    """See that reading the suite of an entry or a challenge runs no code that nobody asked for.

    Args:
        one: the entry, or the challenge.
        folder: where it is.
        allowed: whether the plugins that it names may run.

    Raises:
        ConfigError: it names plugins, and they may not.
    """
    named = one.suite.get("plugins")
    if named and not allowed:
        told = ", ".join(map(str, named)) if isinstance(named, list) else named
        raise ConfigError(
            f"{folder} names plugins, code of '{one.by}' that would run here: {told}; look at it"
            " and say --plugins if you trust it"
        )
