"""Names to implementations: tables that ship with the package, entry points, named plugins.

    "pgd", {"steps": 60} --> Entry("attacks.gradient:PGD") --> PGD(steps=60)

Nothing is imported before it is named. Parameters are the typed arguments of the constructor,
checked by pydantic against its signature.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from bench.codec import Codec, Differentiable
from bench.config import foremost, nearest
from bench.entry import Entry
from bench.errors import ConfigError, raise_if_machine, told

Kind: TypeAlias = Literal["codec", "attack", "ensemble", "objective", "defence", "metric"]

_TABLES: dict[Kind, str] = {
    "codec": "backends:CODECS",
    "attack": "attacks:ATTACKS",
    "ensemble": "attacks:ENSEMBLES",
    "objective": "attacks:OBJECTIVES",
    "defence": "backends.defences:DEFENCES",
    "metric": "backends.metrics:METRICS",
}

_NAMED: dict[Kind, dict[str, Entry]] = {kind: {} for kind in _TABLES}

Transfer: TypeAlias = Literal["none", "gradient-free", "all"]
"""Which codecs are scored on pictures made against others: none, those without gradients, all."""

_LIVE_SURROGATE = "backends.compressai:live"


@dataclass(frozen=True)
class Choice:
    """An implementation by name with its parameters: what one item of a suite's list says.

    Attributes:
        name: as it stands in a table.
        params: what the suite gave, defaults left out.
        label: what people call it; made of name and parameters if empty.
        defence: what a codec is behind, in the order in which a picture meets it.
        objectives: what an attack wants; what the suite wants if empty.
        transfer: what becomes of an attack's pictures; what the suite says if None.
    """

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    defence: tuple[Choice, ...] = ()
    objectives: tuple[Choice, ...] = ()
    transfer: Transfer | None = None

    def __str__(self) -> str:
        listed = " ".join(f"{key}={value}" for key, value in self.params)
        own = f"{self.name} {listed}".strip()
        wanted = [f"for {', '.join(map(str, self.objectives))}"] if self.objectives else []
        return self.label or " ".join([" + ".join((own, *map(str, self.defence))), *wanted])

    @property
    def bare(self) -> Choice:
        """The codec without what it is behind."""
        return Choice(self.name, self.params)


def entries(kind: Kind) -> Mapping[str, Entry]:
    """Return every known implementation of a kind: our own, installed ones, named plugins'.

    Raises:
        ConfigError: an installed distribution claims a name that is taken.
    """
    return {**_installed(kind), **_NAMED[kind]}


def register(owner: str, tables: Mapping[Kind, Mapping[str, Entry]]) -> None:
    """Make the implementations of a plugin known, all or none.

    Args:
        owner: what the plugin is called in errors.
        tables: from names to entries, by kind.

    Raises:
        ConfigError: a name is taken.
    """
    taken = [
        (kind, name) for kind, table in tables.items() for name in table.keys() & entries(kind)
    ]
    for kind, name in taken:
        raise ConfigError(
            f"{owner} registers the {kind} '{name}', a name already taken; rename it there"
        )
    for kind, table in tables.items():
        _NAMED[kind].update(table)


@cache
def _installed(kind: Kind) -> dict[str, Entry]:
    known: dict[str, Entry] = dict(_attribute(_TABLES[kind]))
    for point in metadata.entry_points(group=f"bench.{kind}s"):
        if point.name in known:
            owner = point.dist.name if point.dist else point.value
            raise ConfigError(
                f"{owner} registers the {kind} '{point.name}', a name already taken; uninstall"
                " one of the two or rename its entry point"
            )
        known[point.name] = Entry(point.value, "from an installed plugin")
    return known


def entry(kind: Kind, name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        ConfigError: there is none; the nearest name is told.
    """
    known = entries(kind)
    if name not in known:
        raise ConfigError(f"unknown {kind} '{name}'; {nearest(name, known)}")
    return known[name]


def implementation(kind: Kind, name: str) -> Any:  # noqa: ANN401 - a class, or a function
    """Return what a name stands for, not yet called."""
    return _attribute(entry(kind, name).target)


def unavailable(kind: Kind, name: str) -> str | None:
    """Return why an implementation cannot run here and what to do, or None if it can."""
    probe = entry(kind, name).available
    reason: str | None = _attribute(probe)() if probe else None
    return reason


def parameters(kind: Kind, name: str) -> type[BaseModel]:
    """Return a model of the parameters that a suite may give, from the constructor's signature."""
    found = entry(kind, name)
    factory = _attribute(found.target)
    hints = typing.get_type_hints(_annotated(factory), include_extras=True)
    fields: dict[str, Any] = {
        parameter.name: (_hint(found, hints, parameter), _default(parameter))
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.name not in found.preset
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def check(kind: Kind, choice: Choice) -> Choice:
    """Return the choice with its parameters validated and the defaults left out.

    Raises:
        ConfigError: the name or a parameter is unknown, or a value is not allowed.
    """
    model = parameters(kind, choice.name)
    try:
        values = model.model_validate(dict(choice.params))
    except ValidationError as error:
        raise ConfigError(_explain(kind, choice.name, model, error)) from error
    checked = tuple((key, getattr(values, key)) for key, _ in choice.params)
    defence = tuple(check("defence", one) for one in choice.defence)
    objectives = tuple(check("objective", one) for one in choice.objectives)
    return replace(choice, params=checked, defence=defence, objectives=objectives)


def build(kind: Kind, choice: Choice) -> Any:  # noqa: ANN401 - the caller names the kind
    """Make the implementation that a choice names.

    Raises:
        ConfigError: it cannot be made with these parameters, or not on this machine.
    """
    found = entry(kind, choice.name)
    params = _given(kind, choice)
    try:
        made = _attribute(found.target)(**found.preset, **params)
        for one in reversed(choice.defence):
            made = build("defence", one)(made)
    except Exception as error:  # a plugin's constructor can fail in any way
        raise_if_machine(error)
        raise ConfigError(f"the {kind} '{choice}' cannot be used: {told(error)}") from error
    return made


def signature(kind: Kind, choice: Choice) -> dict[str, Any]:
    """Return every parameter by name, defaults filled in, as it goes into a job's key.

    A codec's defences, where it has any, stand under "defence".
    """
    values = parameters(kind, choice.name).model_validate(dict(choice.params))
    told = values.model_dump(mode="json")
    behind = [[one.name, signature("defence", one)] for one in choice.defence]
    return told | {"defence": behind} if behind else told


def _given(kind: Kind, choice: Choice) -> dict[str, Any]:
    """Return the constructor's arguments; where one is a codec, it is made."""
    fields = parameters(kind, choice.name).model_fields
    return {
        key: build("codec", _nested(value)) if _IS_CODEC in fields[key].metadata else value
        for key, value in check(kind, choice).params
    }


def _nested(item: object) -> Choice:
    """Return the codec that a parameter names: by its name, or a mapping with it."""
    given = {"name": item} if isinstance(item, str) else item
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ConfigError(f"expected the codec's name, or a mapping with 'name', got {item!r}")
    params = tuple((str(key), value) for key, value in given.items() if key != "name")
    return check("codec", Choice(given["name"], params))


def _checked(item: object) -> object:
    _nested(item)
    return item


_IS_CODEC = AfterValidator(_checked)
_CODEC = Annotated[Any, _IS_CODEC, WithJsonSchema({"type": ["string", "object"]})]
"""A parameter that is a codec; it stays as the suite has it, and reads the same from disk."""


def live_surrogate(net: object) -> Differentiable:
    """Return what gradients flow through in a net that is being trained, as it stands now."""
    surrogate: Differentiable = _attribute(_LIVE_SURROGATE)(net)
    return surrogate


def _attribute(target: str | Callable[..., Any]) -> Any:  # noqa: ANN401 - what the table names
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a plugin's import can fail in any way
        raise ConfigError(f"cannot import {target} ({told(error)}); mend or remove it") from error


def _annotated(factory: Any) -> Any:  # noqa: ANN401
    """Return what has the annotations: of a dataclass itself, whose fields may be inherited."""
    if dataclasses.is_dataclass(factory) or not inspect.isclass(factory):
        return factory
    return factory.__init__


def _hint(found: Entry, hints: Mapping[str, Any], parameter: inspect.Parameter) -> Any:  # noqa: ANN401
    if parameter.name not in hints or parameter.kind in {
        parameter.VAR_KEYWORD,
        parameter.VAR_POSITIONAL,
    }:
        raise ConfigError(
            f"the parameter '{parameter}' of {found.target} cannot be set from a suite; give it a"
            " name and a type"
        )
    return _CODEC if hints[parameter.name] is Codec else hints[parameter.name]


def _default(parameter: inspect.Parameter) -> object:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default


def _explain(kind: Kind, name: str, model: type[BaseModel], error: ValidationError) -> str:
    details = foremost(error)
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        if not model.model_fields:
            return f"the {kind} '{name}' takes no parameters, '{key}' was given"
        return f"the {kind} '{name}' has no parameter '{key}'; {nearest(key, model.model_fields)}"
    if details["type"] == "missing":
        return f"the {kind} '{name}' needs the parameter '{key}'"
    told = details["msg"][0].lower() + details["msg"][1:]
    return f"'{key}' of the {kind} '{name}': {told}, got {details['input']!r}"
