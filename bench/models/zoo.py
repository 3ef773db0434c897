"""The trained models that ship with the package, by their cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

from rich.table import Table

from bench.models.card import Card, RateDistortion

_HEADERS = ("name", "widths", "lambda", "from", "trained", "sample", "Kodak", "licence")


def cards() -> dict[str, Card]:
    """Return the card of every bundled model, in the order of their names."""
    files = (resources.files("backends") / "zoo").iterdir()
    found = {file.name[:-5]: file.read_bytes() for file in files if file.name.endswith(".json")}
    return {name: Card.model_validate_json(found[name]) for name in sorted(found)}


def as_json(cards: Mapping[str, Card]) -> str:
    """Return cards as a JSON object, by name."""
    return json.dumps(
        {name: card.model_dump(mode="json") for name, card in cards.items()}, indent=2
    )


def as_table(cards: Mapping[str, Card]) -> Table:
    """Return cards as a table for the terminal."""
    table = Table(title="zoo: {name: ARCHITECTURE, checkpoint: NAME}", title_justify="left")
    for header in _HEADERS:
        table.add_column(header, overflow="fold", no_wrap=header == "name")
    for name, card in cards.items():
        table.add_row(*_cells(name, card))
    return table


def _cells(name: str, card: Card) -> tuple[str, ...]:
    reached = (_point(card.rate_distortion.get(key)) for key in ("sample", "kodak"))
    trained = f"{card.steps} steps, {card.seconds / 60:.0f} min"
    widths = "/".join(map(str, card.widths))
    return name, widths, f"{card.lmbda:g}", card.parent or "", trained, *reached, card.licence


def _point(found: RateDistortion | None) -> str:
    return f"{found.bpp:.3f} bpp {found.psnr:.2f} dB" if found else ""
