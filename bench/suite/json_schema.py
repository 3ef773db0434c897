"""The JSON schema of a suite, for editors: every name and parameter that can be written."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter

from bench.errors import ConfigError
from bench.registry.declarations import declaration
from bench.registry.registry import Kind, Transfer, entries
from bench.suite.suite import Source, Suite

_LISTS: dict[str, tuple[Kind, ...]] = {
    "codecs": ("codec",),
    "attacks": ("attack", "ensemble"),
    "objectives": ("objective",),
    "metrics": ("metric",),
}


def _some(name: str) -> dict[str, Any]:
    """Return the schema of one thing or a list of them."""
    one = {"$ref": f"#/$defs/{name}"}
    return {"anyOf": [one, {"type": "array", "items": one}]}


_NESTED: dict[Kind, dict[str, Any]] = {
    "codec": {"defence": _some("Defence")},
    "attack": {
        "objectives": _some("Objective"),
        "transfer": {"enum": get_args(Transfer)},
        "sources": TypeAdapter(Source | tuple[Source, ...]).json_schema(),
    },
}
"""What an item may hold beside its parameters."""


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a suite file."""
    schema = Suite.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for key, kinds in _LISTS.items():
        least = schema["properties"][key].get("minItems", 0)
        schema["properties"][key] = {"type": "array", "minItems": least, "items": _item(*kinds)}
    for name in ("Component", "ComponentSpec"):
        schema["$defs"].pop(name, None)
    schema["$defs"] |= {"Defence": _item("defence"), "Objective": _item("objective")}
    return schema


def _item(*kinds: Kind) -> dict[str, Any]:
    names = sorted((name, kind) for kind in kinds for name in entries(kind))
    mappings = (_mapping(kind, name) for name, kind in names)
    enum = [name for name, _ in names]
    return {"anyOf": [{"enum": enum}, *(mapping for mapping in mappings if mapping)]}


def _mapping(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the schema of one implementation's parameters; None if it cannot be imported."""
    try:
        declared = declaration(kind, name).parameters
    except ConfigError:
        return None
    common = {"name": {"const": name}, "label": {"type": "string"}}
    properties = {
        key: {"anyOf": [value, {"type": "array", "items": value}]}
        for key, value in declared.get("properties", {}).items()
    }
    return {
        "type": "object",
        "description": entries(kind)[name].summary,
        "properties": {**common, **properties, **_NESTED.get(kind, {})},
        "required": ["name", *declared.get("required", [])],
        "additionalProperties": False,
    }
