"""declarations.json matches the signatures of the implementations."""

import json
from pathlib import Path

import pytest

from bench.registry import declarations
from bench.registry.registry import KINDS, entries

SHIPPED = Path(declarations.__file__).with_name("declarations.json")


def test_the_declarations_match_the_signatures():
    """If this fails, run `python -m bench.registry.declarations`."""
    assert json.loads(declarations.as_json()) == json.loads(SHIPPED.read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_every_implementation_is_declared(kind):
    names = [name for name, entry in entries(kind).items() if not entry.owner]
    assert list(json.loads(SHIPPED.read_text())[kind]) == names
