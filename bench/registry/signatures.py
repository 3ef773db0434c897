"""The parameters of an implementation that a suite can set, from its constructor's signature."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bench.codec import Codec
from bench.entry import Entry
from bench.errors import ConfigError
from bench.utils.yaml_config import Settings, most_useful_error, nearest, wrong_value


def parameter_model(name: str, entry: Entry, factory: Any, codec: Any) -> type[BaseModel]:  # noqa: ANN401 - a class or function, and an annotation
    """Return a model of all parameters that the entry does not fix.

    Typed keyword arguments (`**parameters: int`) accept any further name.

    Args:
        name: name of the implementation.
        entry: its entry.
        factory: its class or function.
        codec: the annotation to use for parameters of type `Codec`.

    Raises:
        ConfigError: a parameter has no name or no type.
    """
    hints = typing.get_type_hints(_annotated(factory), include_extras=True)
    fields: dict[str, Any] = {}
    base = Settings
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and parameter.name in hints:
            base = _open_settings(hints[parameter.name])
        elif parameter.name not in entry.preset:
            hint = _hint(entry, hints, parameter)
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


def _default(parameter: inspect.Parameter) -> object:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default
