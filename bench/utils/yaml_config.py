"""YAML files (suites and training recipes) as settings classes, with errors that name the line.

Only safe YAML is read. A duplicate key, an unknown key or a value of the wrong type is reported as
``suites/mine.yaml:12: attacks.0.steps: ...``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bench.errors import ConfigError, one_line

Where: TypeAlias = tuple[str | int, ...]


class Settings(BaseModel):
    """Base class of everything that is read from YAML: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class Document:
    """Parsed YAML and the line number of every path in it."""

    name: str
    data: Any
    lines: dict[Where, int]

    def line(self, where: Where) -> int:
        """Return the line of a path, or of its longest prefix that has one."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the closest known name, or else all known names."""
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean '{match[0]}'?" if match else f"known: {', '.join(names)}"


def load(path: Path, model: type[SettingsT]) -> SettingsT:
    """Read a YAML file into a settings class.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not fit the class.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {_reason(error)}") from error
    return parse(text, str(path), model)


def parse(text: str, name: str, model: type[SettingsT]) -> SettingsT:
    """Read YAML text into a settings class.

    Args:
        text: content of the file.
        name: path of the file, for error messages; relative paths in it start from its folder.
        model: the settings class.

    Raises:
        ConfigError: the text is not YAML, or does not fit the class.
    """
    document = _document(text, name)
    try:
        return model.model_validate(document.data, context={"folder": Path(name).parent})
    except ValidationError as error:
        raise ConfigError(_explain(error, document, model)) from error


def _document(text: str, name: str) -> Document:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
        json.dumps(data, ensure_ascii=False, skipkeys=True, default=str).encode()
        lines = {} if root is None else dict(_lines(root, (), name))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{name}: not usable as YAML: {one_line(error)}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{name}:1: expected 'key: value' lines, found {_kind(data)}")
    return Document(name, data, lines)


def _lines(node: yaml.Node, where: Where, name: str) -> Iterator[tuple[Where, int]]:
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*where, index), name)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigError(f"{name}:{line}: the key '{key.value}' is given twice")
            seen.add(key.value)
            yield from _lines(value, (*where, key.value), name)
            yield (*where, key.value), key.start_mark.line + 1


def _explain(error: ValidationError, document: Document, model: type[Settings]) -> str:
    first = most_useful_error(error)
    where = tuple(first["loc"])
    path = ".".join(str(part) for part in where)
    message = _message(first, where, model)
    return f"{document.name}:{document.line(where)}: {path + ': ' if path else ''}{message}"


def most_useful_error(error: ValidationError) -> ErrorDetails:
    """Return the error to report: a misspelt key comes before the errors that follow from it."""
    errors = error.errors(include_url=False)
    misspelt = [details for details in errors if details["type"] == "extra_forbidden"]
    return (misspelt or errors)[0]


def _message(details: ErrorDetails, where: Where, model: type[Settings]) -> str:
    if details["type"] == "extra_forbidden":
        return f"unknown key; {nearest(str(where[-1]), _keys_at(model, where[:-1]))}"
    if details["type"] == "value_error":
        return details["msg"].removeprefix("Value error, ")
    message = details["msg"][0].lower() + details["msg"][1:]
    return message if details["type"] == "missing" else f"{message}, got {details['input']!r}"


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
