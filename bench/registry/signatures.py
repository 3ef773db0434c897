"""The parameters of an implementation that a suite can set, from its constructor's signature."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bench.codec import Codec
from bench.entry import Entry
from bench.errors import ConfigError
from bench.utils.yaml_config import Settings, most_useful_error, nearest, wrong_value

_OPEN = frozenset({types.UnionType, Any, object})
"""Classes that say nothing about a value, or whose parts do."""

_KEPT = (str, int, float, types.NoneType, list, dict, Sequence, Mapping, PurePath, Codec)
"""The classes whose values are the same after they were written as JSON and read."""


def parameter_model(name: str, entry: Entry, factory: Any, codec: Any) -> type[BaseModel]:  # noqa: ANN401 - a class or function, and an annotation
    """Return a model of all parameters that the entry does not fix.

    Typed keyword arguments (`**parameters: int`) accept any further name.

    Args:
        name: name of the implementation.
        entry: its entry.
        factory: its class or function.
        codec: the annotation to use for parameters of type `Codec`.

    Raises:
        ConfigError: a parameter has no name or no type, or one that records cannot keep.
    """
    hints = typing.get_type_hints(_annotated(factory), include_extras=True)
    fields: dict[str, Any] = {}
    base = Settings
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and parameter.name in hints:
            _check_kept(name, parameter.name, hints[parameter.name])
            base = _open_settings(hints[parameter.name])
        elif parameter.name not in entry.preset:
            hint = _hint(entry, hints, parameter)
            _check_kept(name, parameter.name, hint)
            fields[parameter.name] = (codec if hint is Codec else hint, _default(parameter))
    return create_model(name, __base__=base, **fields)


def parameter_error(owner: str, model: type[BaseModel], error: ValidationError) -> str:
    """Return one sentence that says which parameter is wrong, and why.

    Args:
        owner: kind and name of the implementation.
        model: the model of its parameters.
        error: the error of the model.
    """
    details = most_useful_error(error)
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        if not model.model_fields:
            return f"the {owner} takes no parameters; remove '{key}'"
        return f"the {owner} has no parameter '{key}'; {nearest(key, model.model_fields)}"
    if details["type"] == "missing":
        return f"the {owner} needs the parameter '{key}'"
    return f"'{key}' of the {owner}: {wrong_value(details)}"


def _open_settings(value: Any) -> type[Settings]:  # noqa: ANN401 - an annotation
    """Return a base class of settings that accept any further key with a value of this type."""
    annotations = {"__pydantic_extra__": dict[str, value]}
    return type(
        "OpenSettings",
        (Settings,),
        {
            "__annotations__": annotations,
            "__module__": __name__,
            "model_config": ConfigDict(extra="allow"),
        },
    )


def _annotated(factory: Any) -> Any:  # noqa: ANN401
    """Return the object with the annotations; a dataclass can inherit its fields."""
    if dataclasses.is_dataclass(factory) or not inspect.isclass(factory):
        return factory
    return factory.__init__


def _hint(entry: Entry, hints: Mapping[str, Any], parameter: inspect.Parameter) -> Any:  # noqa: ANN401
    if parameter.name not in hints or parameter.kind in {
        parameter.VAR_KEYWORD,
        parameter.VAR_POSITIONAL,
    }:
        raise ConfigError(
            f"the parameter '{parameter}' of {entry.target} cannot be set from a suite; give it a"
            " name and a type"
        )
    return hints[parameter.name]


def _check_kept(owner: str, name: str, hint: Any) -> None:  # noqa: ANN401 - an annotation
    """Check that the values of a type are the same after they were written as JSON and read.

    Labels are made from the values, in a run and from its manifest; they must not differ.
    """
    if changed := _changed_by_json(hint):
        raise ConfigError(
            f"the parameter '{name}' of '{owner}' is of the type {changed}, whose values records do"
            " not keep; use Literal for a choice, otherwise str, int, float, bool, list or dict"
        )


def _changed_by_json(hint: Any) -> str | None:  # noqa: ANN401 - an annotation
    """Return the name of the first type in an annotation that JSON does not keep; None if all."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return next((type(one).__name__ for one in parts if isinstance(one, enum.Enum)), None)
    if origin is typing.Annotated:
        return _changed_by_json(parts[0])
    own = origin or hint
    if isinstance(own, type) and own not in _OPEN and not _is_kept(own):
        return own.__name__
    return next(filter(None, map(_changed_by_json, parts)), None)


def _is_kept(own: type) -> bool:
    return issubclass(own, _KEPT) and not issubclass(own, (enum.Enum, tuple, bytes))


def _default(parameter: inspect.Parameter) -> object:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default
