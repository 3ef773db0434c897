"""The entries of the tables of implementations (CODECS, ATTACKS, OBJECTIVES, DEFENCES, METRICS)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cost:
    """The approximate time of a codec on a 2-core machine, in seconds per megapixel.

    Attributes:
        coding: to encode and decode.
        gradient: for one forward and backward pass of the surrogate.
    """

    coding: float = 1.0
    gradient: float = 0.0


@dataclass(frozen=True)
class Entry:
    """One entry of a table.

    Attributes:
        target: the class or function, or "module:attribute", which is imported at first use.
        summary: a few words for `bench list`.
        paper: the reference of the publication, or empty.
        preset: parameters that the entry fixes; a suite cannot set them.
        available: "module:attribute" of a function that returns None if the implementation can run
            on this machine, and otherwise the reason and the remedy.
        packages: the installed distributions, beyond those that the harness itself needs, that
            compute its values. Without one of them it is unavailable. Manifests of runs have the
            versions for metrics, objectives and budgets; a codec has its own in its fingerprint.
        install: the command that installs them, for messages.
        versions: "module:attribute" of a function that returns the names and versions of programs
            that compute its values, for the manifests of runs; in the same way.
        cost: the time that `bench plan` assumes.
        runs_programs: whether a suite names the programs that it runs.
        owner: the installed distribution that provides it; the harness sets it.
    """

    target: str | Callable[..., Any]
    summary: str
    paper: str = field(default="", kw_only=True)
    preset: Mapping[str, object] = field(default_factory=dict)
    available: str | None = None
    packages: tuple[str, ...] = field(default=(), kw_only=True)
    install: str = field(default="", kw_only=True)
    versions: str | None = field(default=None, kw_only=True)
    cost: Cost = Cost()
    runs_programs: bool = field(default=False, kw_only=True)
    owner: str = field(default="", kw_only=True)

    @property
    def origin(self) -> str:
        """The distribution, as the end of a phrase in messages; empty for built-in entries."""
        return f" of {self.owner}" if self.owner else ""
