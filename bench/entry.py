"""What a table of implementations says of each: where it is and what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Roughly what a codec takes on a 2-core machine, in seconds per megapixel.

    Attributes:
        coding: to encode and decode.
        gradient: for one forward and backward pass of its surrogate.
    """

    coding: float = 1.0
    gradient: float = 0.0


@dataclass(frozen=True)
class Entry:
    """One line of a table.

    Attributes:
        target: "module:attribute" of a class or function, imported when first used; or itself.
        summary: what it is, in a few words.
        paper: where it was published, if it was.
        preset: parameters that the name itself fixes and a suite cannot set.
        available: "module:attribute" of a function that returns None where the implementation can
            run, and otherwise why not and what to do.
        cost: what `bench plan` reckons with.
        owner: the installed distribution that brought it, which nobody has to state.
    """

    target: str | Callable[..., Any]
    summary: str
    paper: str = field(default="", kw_only=True)
    preset: Mapping[str, object] = field(default_factory=dict)
    available: str | None = None
    cost: Cost = Cost()
    owner: str = field(default="", kw_only=True)

    @property
    def origin(self) -> str:
        """Who brought it, as a sentence goes on after its name; empty for a table's."""
        return f" of {self.owner}" if self.owner else ""
