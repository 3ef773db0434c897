"""What lists and the JSON schema say of implementations, without importing them.

    python -m bench.registry.declarations      writes declarations.json anew

Declarations of what ships with the harness are read from declarations.json, which a test holds to
the signatures; what installed distributions and plugins bring is imported.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bench.registry.registry import KINDS, Kind, entries, implementation, parameters

_FILE = Path(__file__).with_name("declarations.json")


class Declaration(BaseModel):
    """What an implementation declares.

    Attributes:
        parameters: JSON schema of the parameters that a suite can set.
        budgets: the kinds of budget that an attack supports.
        needs: what an attack needs of a codec: nothing, gradient or queries.
        gradient: which gradient an attack follows through a defence.
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
    """Return what the implementation of a name declares.

    Raises:
        ConfigError: it has to be imported and cannot be, or a parameter has no type.
    """
    return _shipped().get(kind, {}).get(name) or declare(kind, name)


def declare(kind: Kind, name: str) -> Declaration:
    """Import an implementation and return what it declares."""
    made = implementation(kind, name)
    fields = {key: getattr(made, key) for key in _ATTRIBUTES[kind] if hasattr(made, key)}
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
    """Return the declarations of everything that ships with the harness."""
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
        kind: {name: Declaration.model_validate(one) for name, one in declared.items()}
        for kind, declared in content.items()
    }


if __name__ == "__main__":
    _FILE.write_text(as_json(), encoding="utf-8")
