"""Parameters and attributes of implementations, for lists and the JSON schema.

    python -m bench.registry.declarations      writes declarations.json

Built-in implementations are not imported for this: their declarations are in declarations.json, and
a test compares the file with their signatures. Implementations of installed distributions and
plugins are imported.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bench.registry.registry import KINDS, Kind, entries, implementation, parameters
from bench.utils.files import write_atomically

_FILE = Path(__file__).with_name("declarations.json")


class Declaration(BaseModel):
    """The declaration of an implementation.

    Attributes:
        parameters: JSON schema of the parameters that a suite can set.
        budgets: the kinds of budget that an attack supports.
        needs: what an attack needs from a codec: nothing, gradient or queries.
        gradient: the gradient of a defence that an adaptive attack uses.
        unit: of a metric's values.
        better: which values of a metric are better: higher or lower.
    """

    model_config = ConfigDict(frozen=True)

    parameters: dict[str, Any]
    budgets: tuple[str, ...] = ()
    needs: str = ""
    gradient: str = ""
    unit: str = ""
    better: str = ""


def declaration(kind: Kind, name: str) -> Declaration:
    """Return the declaration of an implementation.

    Raises:
        ConfigError: the implementation cannot be imported, or a parameter has no type.
    """
    return _shipped().get(kind, {}).get(name) or declare(kind, name)


def declare(kind: Kind, name: str) -> Declaration:
    """Import an implementation and return its declaration."""
    declared = implementation(kind, name)
    fields = {key: getattr(declared, key) for key in _ATTRIBUTES[kind] if hasattr(declared, key)}
    return Declaration(parameters=parameters(kind, name).model_json_schema(), **fields)


_ATTRIBUTES: dict[Kind, tuple[str, ...]] = {
    "codec": (),
    "attack": ("budgets", "needs"),
    "ensemble": (),
    "objective": (),
    "defence": ("gradient",),
    "metric": ("unit", "better"),
}


def as_json() -> str:
    """Return the declarations of all built-in implementations as JSON text."""
    shipped = {
        kind: {
            name: declare(kind, name).model_dump(exclude_defaults=True)
            for name, entry in entries(kind).items()
            if not entry.owner
        }
        for kind in KINDS
    }
    return json.dumps(shipped, indent=1) + "\n"


@cache
def _shipped() -> dict[Kind, dict[str, Declaration]]:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    return {
        kind: {name: Declaration.model_validate(fields) for name, fields in declared.items()}
        for kind, declared in content.items()
    }


if __name__ == "__main__":
    write_atomically(_FILE, as_json().encode())
