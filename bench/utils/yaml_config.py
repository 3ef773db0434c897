"""YAML files (suites and training recipes) as settings classes, with errors that name the line.

Only safe YAML is read. A duplicate key, an unknown key or a value of the wrong type is reported as
``suites/mine.yaml:12: attacks.0.steps: ...``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from bench.errors import ConfigError
from bench.utils.files import read_file
from bench.utils.plain_yaml import LARGEST_TEXT, Document, Where, read_document


class Settings(BaseModel):
    """Base class of everything that is read from YAML: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans_as_numbers(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[str(info.field_name)]
        if _has_boolean(value) and _takes_only_numbers(field.annotation):
            raise ValueError(
                f"expected a number, got {_shortened(repr(value))}; YAML reads yes, no, on and off"
                " as true and false"
            )
        return value


def _has_boolean(value: object) -> bool:
    if isinstance(value, dict | list | tuple):
        values = value.values() if isinstance(value, dict) else value
        return any(map(_has_boolean, values))
    return isinstance(value, bool)


def _takes_only_numbers(annotation: object) -> bool:
    """Return whether a type has numbers in it, and neither booleans nor settings."""
    types = set(_plain_types(annotation))
    return bool(types & {int, float}) and types <= {int, float, str, NoneType, ...}


def _plain_types(annotation: object) -> Iterator[object]:
    """Yield the types inside an annotation such as ``list[int] | None``."""
    inner, origin = get_args(annotation), get_origin(annotation)
    if origin is Literal:
        yield from map(type, inner)
    elif not inner:
        yield annotation
    else:
        for part in inner[:1] if origin is Annotated else inner:
            yield from _plain_types(part)


SettingsT = TypeVar("SettingsT", bound=Settings)

_MOST_LISTED = 100
"""Largest number of known names in a message."""

_LONGEST_VALUE = 200
"""Longest part of a value in a message, in characters."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the closest known name, or else all known names."""
    names = sorted(known)
    lower = {known_name.lower(): known_name for known_name in names}
    match = difflib.get_close_matches(name[:_LONGEST_VALUE].lower(), lower, n=1, cutoff=0.5)
    return f"did you mean '{lower[match[0]]}'?" if match else f"known: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def load(path: Path, model: type[SettingsT]) -> SettingsT:
    """Read a YAML file into a settings class.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not fit the class.
    """
    try:
        content = read_file(path, LARGEST_TEXT)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {_reason(error)}") from error
    return parse(_decoded(content, path), str(path), model)


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"the byte 0x{content[error.start]:02x}"
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            found = "UTF-16"
        raise ConfigError(
            f"{path}:{line}: not UTF-8 text (found {found}); save the file as UTF-8"
        ) from error


def parse(text: str, name: str, model: type[SettingsT]) -> SettingsT:
    """Read YAML text into a settings class.

    Args:
        text: content of the file.
        name: path of the file, for error messages; relative paths in it start from its folder.
        model: the settings class.

    Raises:
        ConfigError: the text is not YAML, or does not fit the class.
    """
    document = read_document(text, name)
    if not isinstance(document.data, dict):
        found = _kind(document.data)
        raise ConfigError(f"{name}:1: expected 'key: value' lines, found {found}")
    try:
        return model.model_validate(document.data, context={"folder": Path(name).parent})
    except ValidationError as error:
        raise ConfigError(_explain(error, document, model)) from error


def _explain(error: ValidationError, document: Document, model: type[Settings]) -> str:
    first = most_useful_error(error)
    where = _as_written(tuple(first["loc"]), document.data)
    path = ".".join(str(part) for part in where)
    message = _message(first, where, model)
    return f"{document.name}:{document.line(where)}: {path + ': ' if path else ''}{message}"


def _as_written(where: Where, data: object) -> Where:
    """Return a path without the index of a value that stands for a list of one."""
    path: list[str | int] = []
    for part in where:
        if isinstance(part, int) and not isinstance(data, list):
            continue
        path.append(part)
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(path)


def most_useful_error(error: ValidationError) -> ErrorDetails:
    """Return the error to report: a misspelt key comes before the errors that follow from it."""
    errors = error.errors(include_url=False)
    misspelt = [details for details in errors if details["type"] == "extra_forbidden"]
    return (misspelt or errors)[0]


def _message(details: ErrorDetails, where: Where, model: type[Settings]) -> str:
    if details["type"] == "extra_forbidden":
        return f"unknown key; {nearest(str(where[-1]), _keys_at(model, where[:-1]))}"
    return wrong_value(details)


_EXPECTED = {
    "tuple_type": ("a list", "write it in brackets"),
    "list_type": ("a list", "write it in brackets"),
    "string_type": ("a text", "put it in quotes"),
    "model_type": ("'key: value' lines", "write its keys"),
}
"""What is expected in place of a value, and the way out, by pydantic's type of error."""


def wrong_value(details: ErrorDetails) -> str:
    """Return what is wrong with a value, and the value."""
    found = _shortened(repr(details["input"]))
    if details["type"] == "value_error":
        return details["msg"].removeprefix("Value error, ")
    if details["type"] in _EXPECTED:
        expected, remedy = _EXPECTED[details["type"]]
        return f"expected {expected}, got {found}; {remedy}"
    message = details["msg"][0].lower() + details["msg"][1:]
    return message if details["type"] == "missing" else f"{message}, got {found}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _keys_at(model: type[BaseModel], where: Where) -> list[str]:
    """Return the keys that are allowed at a path in the document."""
    for part in where:
        if part in model.model_fields:
            model = next(iter(_models(model.model_fields[str(part)].annotation)), model)
    return list(model.model_fields)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation such as ``list[Crop] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _kind(data: object) -> str:
    return "nothing" if data is None else f"a {type(data).__name__}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def as_list(value: Any) -> Any:  # noqa: ANN401 - YAML as it was written
    """Return a list as it is, and any other value as a list with one element."""
    return value if isinstance(value, list) else [value]
