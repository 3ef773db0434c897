"""What suites and recipes write alike: a budget, and an implementation by name with parameters."""

from __future__ import annotations

import itertools
import re
import typing
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from bench.errors import ConfigError
from bench.registry.registry import (
    Component,
    ComponentSpec,
    Kind,
    Transfer,
    entries,
    instantiate,
    resolve,
)
from bench.utils.yaml_config import Settings

if TYPE_CHECKING:
    from bench.budget import Budget

BUDGETS = ("linf", "l2", "mse", "ssim")
"""The kinds of budget, by the key under which they are written."""


class Rectangle(Settings):
    """Where alone a picture may change, in pixels."""

    top: Annotated[int, Field(ge=0)]
    left: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]


class BudgetSpec(Settings):
    """One threat model: exactly one of the kinds, or `linf` together with `ssim`.

    Attributes:
        linf: largest change of any value, in whole 8-bit levels.
        l2: root of the summed squared changes, in 8-bit levels.
        mse: mean squared change of pictures in [0, 1].
        ssim: smallest SSIM of source and attacked picture, as it is scored; linf caps it.
        region: the rectangle that may change; the whole picture if left out.
    """

    linf: Annotated[int, Field(ge=1, le=255)] | None = None
    l2: Annotated[float, Field(gt=0)] | None = None
    mse: Annotated[float, Field(gt=0, le=1)] | None = None
    ssim: Annotated[float, Field(gt=0, lt=1)] | None = None
    region: Rectangle | None = None

    @model_validator(mode="after")
    def _one_norm(self) -> BudgetSpec:
        given = self._given()
        if len(given) != 1 and given != ["linf", "ssim"]:
            kinds = ", ".join(BUDGETS)
            raise ValueError(f"give exactly one of {kinds}, found {len(given)}; linf may cap ssim")
        return self

    def budget(self) -> Budget:
        """Return the budget this describes."""
        from bench.budget import L2, Linf, Mse, Region  # noqa: PLC0415 - suites need no torch
        from bench.ssim_budget import Ssim  # noqa: PLC0415

        region = None if self.region is None else Region(**self.region.model_dump())
        if self.ssim is not None:
            return Ssim(1 - self.ssim, cap=self.linf, region=region)
        (kind,) = self._given()
        norms: dict[str, type[Budget]] = {"linf": Linf, "l2": L2, "mse": Mse}
        return norms[kind](getattr(self, kind), region=region)

    def _given(self) -> list[str]:
        return [kind for kind in BUDGETS if getattr(self, kind) is not None]


_NESTED: dict[Kind, frozenset[str]] = {
    "codec": frozenset({"defence"}),
    "attack": frozenset({"objectives", "transfer", "sources"}),
}
"""What an item of a suite's list says beside a name, a label and parameters."""


def listed(value: Any) -> Any:  # noqa: ANN401 - YAML as it was written
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def choices(kind: Kind) -> BeforeValidator:
    """Turn an item of a list, a name or a mapping with a name, into one component a grid point."""
    return BeforeValidator(partial(_expanded, kind))


def choice(kind: Kind) -> BeforeValidator:
    """Turn a name, or a mapping with a name, into one component; a grid is refused."""
    return BeforeValidator(partial(single, kind))


def attacks() -> BeforeValidator:
    """Turn an item of a suite's list into attacks: one a grid point, or the members of an ensemble.

    Of an ensemble it takes what serves the suite's objectives and budgets, so these are declared
    before the field.
    """
    return BeforeValidator(_members)


def _members(item: Any, info: ValidationInfo) -> list[Component]:  # noqa: ANN401 - YAML as it was written
    name = item.get("name") if isinstance(item, dict) else item
    if not isinstance(name, str) or name not in entries("ensemble"):
        return _expanded("attack", item)
    wanted = {one.name for one in itertools.chain(*info.data.get("objectives", ()))}
    kinds = {spec.budget().kind for spec in info.data.get("budgets", ())}
    members = (
        instantiate("ensemble", chosen).members(wanted, kinds)
        for chosen in _expanded("ensemble", item)
    )
    return [one for item in itertools.chain(*members) for one in _expanded("attack", item)]


def _expanded(kind: Kind, item: Any) -> list[Component]:  # noqa: ANN401 - YAML as it was written
    if isinstance(item, str):
        item = {"name": item}
    try:
        return [resolve(kind, point) for point in _grid(kind, item)]
    except ConfigError as error:
        raise ValueError(str(error)) from error


def single(kind: Kind, item: Any) -> Component:  # noqa: ANN401 - YAML as it was written
    """Return the one implementation that an item names.

    Raises:
        ValueError: it names none, or a grid of them.
    """
    found = _expanded(kind, item)
    if len(found) > 1:
        raise ValueError(f"one {kind} is wanted here, these lists make {len(found)}")
    return found[0]


def _grid(kind: Kind, item: Any) -> Iterator[ComponentSpec]:  # noqa: ANN401 - YAML as it was written
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ConfigError(f"expected the {kind}'s name, or a mapping with 'name', got {item!r}")
    behind = _behind(item.get("defence", [])) if kind == "codec" else [()]
    wanted = _wanted(item.get("objectives", [])) if kind == "attack" else ()
    transfer = _transfer(item.get("transfer")) if kind == "attack" else None
    sources = _sources(item.get("sources", [])) if kind == "attack" else ()
    given = {key: value for key, value in item.items() if key not in _NESTED.get(kind, ())}
    name, label = given.pop("name"), given.pop("label", "")
    grid = {str(key): listed(value) for key, value in given.items()}
    if not all(grid.values()):
        empty = next(key for key, values in grid.items() if not values)
        raise ConfigError(f"'{empty}' of the {kind} '{name}' is an empty list")
    for *values, defence in itertools.product(*grid.values(), behind):
        params = tuple(zip(grid, values, strict=True))
        told = {"defence": " + ".join(map(str, defence))} if defence else {}
        full = _label(label, dict(params) | told)
        yield ComponentSpec(name, params, full, defence, wanted, transfer, sources)


def _behind(items: Any) -> list[tuple[Component, ...]]:  # noqa: ANN401 - YAML as it was written
    """Return what a codec is behind, once for each point of the grids in it."""
    return list(itertools.product(*(_expanded("defence", item) for item in listed(items))))


def _wanted(items: Any) -> tuple[Component, ...]:  # noqa: ANN401 - YAML as it was written
    """Return what an attack wants in the place of what the suite wants, grids expanded."""
    return tuple(itertools.chain(*(_expanded("objective", item) for item in listed(items))))


def _transfer(value: Any) -> Transfer | None:  # noqa: ANN401 - YAML as it was written
    """Return what becomes of an attack's pictures in the place of what the suite says."""
    known: tuple[Transfer, ...] = typing.get_args(Transfer)
    if value is None:
        return None
    if value not in known:
        raise ConfigError(f"'transfer' of an attack is one of {', '.join(known)}, not {value!r}")
    return known[known.index(value)]


def _sources(items: Any) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401 - YAML as it was written
    """Return what an attack searches on in the place of what the suite says."""
    named = tuple(tuple(listed(item)) for item in listed(items))
    for label in itertools.chain(*named):
        if not isinstance(label, str):
            raise ConfigError(f"'sources' of an attack are labels of codecs, not {label!r}")
    return named


def _label(template: object, params: dict[str, Any]) -> str:
    """Fill in {parameter}s; nothing else of Python's formatting language is understood."""
    if not isinstance(template, str) or (template and not template.strip()):
        raise ConfigError(f"the label {template!r} is no text")
    unknown = set(re.findall(r"{(.*?)}", template)) - params.keys()
    if unknown:
        given = ", ".join(f"{{{key}}}" for key in params) or "none"
        raise ConfigError(f"the label {template!r} may use {given}, not {{{unknown.pop()}}}")
    return re.sub(r"{(.*?)}", lambda match: str(params[match[1]]), template)
