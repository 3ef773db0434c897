"""What a table of implementations says of each: where it is and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One line of a table.

    Attributes:
        target: "module:attribute" of a class or function, imported when first used.
        summary: what it is, in a few words.
        preset: parameters that the name itself fixes and a suite cannot set.
        available: "module:attribute" of a function that returns None where the implementation can
            run, and otherwise why not and what to do.
    """

    target: str
    summary: str
    preset: Mapping[str, object] = field(default_factory=dict)
    available: str | None = None
