"""The JSON schema of suite files for editors, with every name and parameter."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter

from bench.codec import Rounding
from bench.errors import ConfigError
from bench.registry.component_spec import Transfer
from bench.registry.declarations import declaration
from bench.registry.registry import Kind, entries
from bench.suite.attack_settings import MOST_EXTENSIONS, MOST_STARTS
from bench.suite.suite import Source, Suite

_LISTS: dict[str, tuple[Kind, ...]] = {
    "codecs": ("codec",),
    "attacks": ("attack", "ensemble"),
    "objectives": ("objective",),
    "metrics": ("metric",),
}


def _one_or_more(name: str) -> dict[str, Any]:
    """Return the schema of one item or a list of items."""
    item = {"$ref": f"#/$defs/{name}"}
    return {"anyOf": [item, {"type": "array", "items": item}]}


_NESTED_KEYS: dict[Kind, dict[str, Any]] = {
    "codec": {"defence": _one_or_more("Defence")},
    "attack": {
        "objectives": _one_or_more("Objective"),
        "transfer": {"enum": get_args(Transfer)},
        "sources": TypeAdapter(Source | tuple[Source, ...]).json_schema(),
        "rounding": {"enum": get_args(Rounding)},
        "starts": {"type": "integer", "minimum": 1, "maximum": MOST_STARTS},
        "start_from": {
            "anyOf": [
                {"const": "source"},
                {
                    "type": "object",
                    "properties": {"attack": {"type": "string"}, "objective": {"type": "string"}},
                    "required": ["attack"],
                    "additionalProperties": False,
                },
            ]
        },
        "extensions": {"type": "integer", "minimum": 0, "maximum": MOST_EXTENSIONS},
    },
}
"""The schema of the keys that an item can have besides its parameters."""


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a suite file."""
    schema = Suite.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for key, kinds in _LISTS.items():
        minimum = schema["properties"][key].get("minItems", 0)
        items = _item_schema(*kinds)
        schema["properties"][key] = {"type": "array", "minItems": minimum, "items": items}
    for name in ("Component", "ComponentSpec"):
        schema["$defs"].pop(name, None)
    schema["$defs"] |= {"Defence": _item_schema("defence"), "Objective": _item_schema("objective")}
    return schema


def _item_schema(*kinds: Kind) -> dict[str, Any]:
    names = sorted((name, kind) for kind in kinds for name in entries(kind))
    mappings = (_mapping_schema(kind, name) for name, kind in names)
    enum = [name for name, _ in names]
    return {"anyOf": [{"enum": enum}, *(mapping for mapping in mappings if mapping)]}


def _mapping_schema(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the schema of one implementation's parameters; None if it cannot be imported."""
    try:
        declared = declaration(kind, name).parameters
    except ConfigError:
        return None
    common = {"name": {"const": name}, "label": {"type": "string"}}
    properties = {key: _grid(value) for key, value in declared.get("properties", {}).items()}
    further = declared.get("additionalProperties", False)
    return {
        "type": "object",
        "description": entries(kind)[name].summary,
        "properties": {**common, **properties, **_NESTED_KEYS.get(kind, {})},
        "required": ["name", *declared.get("required", [])],
        "additionalProperties": further and _grid(further),
    }


def _grid(value: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value or a list of values."""
    return {"anyOf": [value, {"type": "array", "items": value}]}
