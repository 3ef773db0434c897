"""The name of an implementation with its parameters and settings, as an item of a suite's list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from bench.codec import Rounding

Transfer: TypeAlias = Literal["none", "gradient-free", "all"]
"""The codecs scored on pictures made against other codecs: none, those without gradients, all."""


AT_SOURCE = ("source picture",)
"""The value of `start_from` for searches that start at the source picture."""


@dataclass(frozen=True)
class ComponentSpec:
    """The name of an implementation with its parameters, as one item of a list in a suite.

    Attributes:
        name: name in the table.
        params: the parameters that the suite sets, without defaults.
        label: label in records and leaderboards; if empty, it consists of name and parameters.
        defence: the defences of a codec, in the order in which they process a picture.
        objectives: the objectives of an attack; if empty, those of the suite.
        transfer: the codecs on which an attack's pictures are also scored; if None, as in the
            suite.
        sources: the sources of an attack, each a tuple of labels that are attacked jointly; if
            empty, those of the suite.
        rounding: the surrogate of quantisation in the searches of an attack; None for the default,
            straight-through rounding.
        starts: number of searches of an attack for each picture, which differ only in their random
            numbers.
        start_from: label of an attack that is listed before, and of an objective: the searches
            start from the pictures that this attack found for this objective. The label alone
            stands for the objective of the search itself. With several starts each begins at that
            of the same number, a single one at the picture with the highest value. `AT_SOURCE` for
            the source picture, empty for random starts.
        extensions: how often the steps of an attack are doubled while its search still rises.
    """

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    defence: tuple[ComponentSpec, ...] = ()
    objectives: tuple[ComponentSpec, ...] = ()
    transfer: Transfer | None = None
    sources: tuple[tuple[str, ...], ...] = ()
    rounding: Rounding | None = None
    starts: int = 1
    start_from: tuple[str, ...] = ()
    extensions: int = 0

    def __str__(self) -> str:
        return self._text

    @property
    def search_settings(self) -> tuple[object, ...]:
        """The settings of an attack that differ from the defaults, besides its objectives."""
        starts = f"{self.starts} starts" if self.starts > 1 else ""
        extensions = f"{self.extensions} extensions" if self.extensions else ""
        settings = (self.transfer, self.sources, self.rounding, starts, self.start_from, extensions)
        return tuple(filter(None, settings))

    @cached_property
    def _text(self) -> str:
        settings = (*self.params, *([("rounding", self.rounding)] if self.rounding else []))
        values = " ".join(f"{key}={value}" for key, value in settings)
        text = " + ".join((f"{self.name} {values}".strip(), *map(str, self.defence)))
        objectives = f" for {', '.join(map(str, self.objectives))}" if self.objectives else ""
        return self.label or text + objectives

    @property
    def bare(self) -> ComponentSpec:
        """The codec without its defences and its label."""
        return ComponentSpec(self.name, self.params)
