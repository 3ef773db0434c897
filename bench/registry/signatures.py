"""The parameters that a suite may give to something, from the signature of its constructor."""

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
from bench.utils.yaml_config import most_useful_error, nearest


def model(name: str, found: Entry, factory: Any, codec: Any) -> type[BaseModel]:  # noqa: ANN401 - what a table names, and an annotation
    """Return a model of the parameters that are not preset.

    Args:
        name: of what is made.
        found: its entry.
        factory: what makes it.
        codec: what stands for a parameter that is a codec.

    Raises:
        ConfigError: one of them has no name or no type.
    """
    hints = typing.get_type_hints(_annotated(factory), include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.name not in found.preset:
            hint = _hint(found, hints, parameter)
            fields[parameter.name] = (codec if hint is Codec else hint, _default(parameter))
    return create_model(name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def explained(whose: str, known: type[BaseModel], error: ValidationError) -> str:
    """Return in a sentence what is wrong with the parameters of something."""
    details = most_useful_error(error)
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        if not known.model_fields:
            return f"the {whose} takes no parameters, '{key}' was given"
        return f"the {whose} has no parameter '{key}'; {nearest(key, known.model_fields)}"
    if details["type"] == "missing":
        return f"the {whose} needs the parameter '{key}'"
    told = details["msg"][0].lower() + details["msg"][1:]
    return f"'{key}' of the {whose}: {told}, got {details['input']!r}"


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
    return hints[parameter.name]


def _default(parameter: inspect.Parameter) -> object:
    return ... if parameter.default is inspect.Parameter.empty else parameter.default
