"""A suite: which attacks, at which budgets, on which codecs and pictures. YAML in, checked.

attacks: [fgsm, {name: pgd, steps: [10, 60]}]        a list as a value is a grid: pgd twice
codecs: [{name: vvc, qp: [32, 37], label: VVC {qp}}]  what the board calls it
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bench.budget import BUDGETS, Budget, Region
from bench.config import Settings, load
from bench.errors import ConfigError
from bench.images import ImageSpec
from bench.registry import Choice, Kind, check


class Rectangle(Settings):
    """Where alone a picture may change, in pixels."""

    top: Annotated[int, Field(ge=0)]
    left: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]


class BudgetSpec(Settings):
    """One threat model: exactly one of the three norms.

    Attributes:
        linf: largest change of any value, in whole 8-bit levels.
        l2: root of the summed squared changes, in 8-bit levels.
        mse: mean squared change of pictures in [0, 1].
        region: the rectangle that may change; the whole picture if left out.
    """

    linf: Annotated[int, Field(ge=1, le=255)] | None = None
    l2: Annotated[float, Field(gt=0)] | None = None
    mse: Annotated[float, Field(gt=0, le=1)] | None = None
    region: Rectangle | None = None

    @model_validator(mode="after")
    def _one_norm(self) -> BudgetSpec:
        given = [kind for kind in BUDGETS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(BUDGETS)}, found {len(given)}")
        return self

    def budget(self) -> Budget:
        """Return the ball this describes."""
        kind = next(kind for kind in BUDGETS if getattr(self, kind) is not None)
        region = None if self.region is None else Region(**self.region.model_dump())
        return BUDGETS[kind](getattr(self, kind), region=region)


class Compute(Settings):
    """What changes the numbers of a search, and so is part of every job's key.

    Attributes:
        threads: how many CPU threads one search uses.
    """

    threads: Annotated[int, Field(ge=1, le=256)] = 2


def _listed(value: Any) -> Any:  # noqa: ANN401 - YAML as it was written
    return value if isinstance(value, list) else [value]


def _named(kind: Kind) -> BeforeValidator:
    """Turn an item of a list, a name or a mapping with a name, into one Choice a grid point."""

    def expand(item: Any) -> list[Choice]:  # noqa: ANN401 - YAML as it was written
        if isinstance(item, str):
            item = {"name": item}
        try:
            return [check(kind, choice) for choice in _grid(kind, item)]
        except ConfigError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(expand)


def _grid(kind: Kind, item: Any) -> Iterator[Choice]:  # noqa: ANN401 - YAML as it was written
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ConfigError(f"expected the {kind}'s name, or a mapping with 'name', got {item!r}")
    grid = {str(key): _listed(value) for key, value in item.items()}
    name, label = grid.pop("name")[0], grid.pop("label", [""])[0]
    if not all(grid.values()):
        empty = next(key for key, values in grid.items() if not values)
        raise ConfigError(f"'{empty}' of the {kind} '{name}' is an empty list")
    for values in itertools.product(*grid.values()):
        params = tuple(zip(grid, values, strict=True))
        yield Choice(name, params, _label(label, dict(params)))


def _label(template: object, params: dict[str, Any]) -> str:
    """Fill in {parameter}s; nothing else of Python's formatting language is understood."""
    if not isinstance(template, str) or (template and not template.strip()):
        raise ConfigError(f"the label {template!r} is no text")
    unknown = set(re.findall(r"{(.*?)}", template)) - params.keys()
    if unknown:
        given = ", ".join(f"{{{key}}}" for key in params) or "none"
        raise ConfigError(f"the label {template!r} may use {given}, not {{{unknown.pop()}}}")
    return re.sub(r"{(.*?)}", lambda match: str(params[match[1]]), template)


class Suite(Settings):
    """A whole benchmark, as it stands in a file.

    Attributes:
        name: names the run folder and the board.
        description: what it is for, printed on the board.
        seed: every random draw follows from it and from the job's own key.
        images: the source pictures.
        codecs: the operating points that are scored; those with gradients are attacked through
            them.
        attacks: how pictures are searched.
        objectives: what the attacks want.
        budgets: how far pictures may change.
        transfer: which codecs are also scored on pictures made against the others: those without
            gradients, all, or none.
        rd_lambda: the weight of 255^2 MSE in the R-D cost that is reported.
        compute: what changes the numbers of a search.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str = ""
    seed: int = 0
    images: ImageSpec
    codecs: Annotated[list[Annotated[list[Choice], _named("codec")]], Field(min_length=1)]
    attacks: Annotated[list[Annotated[list[Choice], _named("attack")]], Field(min_length=1)]
    objectives: Annotated[
        list[Annotated[list[Choice], _named("objective")]], Field(min_length=1)
    ] = Field([[Choice("distortion")], [Choice("rate")]])
    budgets: Annotated[list[BudgetSpec], Field(min_length=1)]
    transfer: Literal["none", "gradient-free", "all"] = "gradient-free"
    rd_lambda: Annotated[float, Field(gt=0)] = 0.013
    compute: Compute = Compute()

    @property
    def points(self) -> list[Choice]:
        """The operating points, grids expanded."""
        return list(itertools.chain(*self.codecs))

    @property
    def searches(self) -> list[Choice]:
        """The attacks, grids expanded."""
        return list(itertools.chain(*self.attacks))

    @property
    def wants(self) -> list[Choice]:
        """The objectives, grids expanded."""
        return list(itertools.chain(*self.objectives))

    @field_validator("codecs", "attacks", "objectives")
    @classmethod
    def _distinct(cls, value: list[list[Choice]]) -> list[list[Choice]]:
        _refuse_twins([str(choice) for choices in value for choice in choices])
        return value

    @field_validator("budgets")
    @classmethod
    def _distinct_budgets(cls, value: list[BudgetSpec]) -> list[BudgetSpec]:
        _refuse_twins([str(spec.budget()) for spec in value])
        return value


def _refuse_twins(labels: list[str]) -> None:
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is listed twice")


def load_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        ConfigError: it cannot be read, or says something that is not allowed.
    """
    return load(path, Suite)
