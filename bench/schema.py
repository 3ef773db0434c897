"""The JSON schema of a suite, for editors: every name and parameter that can be written."""

from __future__ import annotations

from typing import Any

from bench.errors import ConfigError
from bench.registry import Kind, entries, parameters
from bench.suite import Suite

_LISTS: dict[str, Kind] = {"codecs": "codec", "attacks": "attack", "objectives": "objective"}

_BEHIND = {
    "anyOf": [
        {"$ref": "#/$defs/Defence"},
        {"type": "array", "items": {"$ref": "#/$defs/Defence"}},
    ]
}
"""What a codec is behind: one defence or several."""


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a suite file."""
    schema = Suite.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for key, kind in _LISTS.items():
        schema["properties"][key] = {"type": "array", "minItems": 1, "items": _item(kind)}
    schema["$defs"].pop("Choice", None)
    schema["$defs"]["Defence"] = _item("defence")
    return schema


def _item(kind: Kind) -> dict[str, Any]:
    names = sorted(entries(kind))
    mappings = (_mapping(kind, name) for name in names)
    return {"anyOf": [{"enum": names}, *(mapping for mapping in mappings if mapping)]}


def _mapping(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the schema of one implementation's parameters; None if it cannot be imported."""
    try:
        model = parameters(kind, name).model_json_schema()
    except ConfigError:
        return None
    common = {"name": {"const": name}, "label": {"type": "string"}}
    behind = {"defence": _BEHIND} if kind == "codec" else {}
    properties = {
        key: {"anyOf": [value, {"type": "array", "items": value}]}
        for key, value in model.get("properties", {}).items()
    }
    return {
        "type": "object",
        "description": entries(kind)[name].summary,
        "properties": {**common, **properties, **behind},
        "required": ["name", *model.get("required", [])],
        "additionalProperties": False,
    }
