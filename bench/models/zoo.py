"""The zoo: the trained models that come with the package, listed from their cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from bench.models.card import Card, RateDistortion

if TYPE_CHECKING:
    from rich.table import Table

_HEADERS = ("name", "widths", "lambda", "from", "trained", "sample", "Kodak", "licence")


def cards() -> dict[str, Card]:
    """Return the card of every bundled model by name, sorted."""
    files = (resources.files("backends") / "zoo").iterdir()
    texts = {file.name[:-5]: file.read_bytes() for file in files if file.name.endswith(".json")}
    return {name: Card.model_validate_json(texts[name]) for name in sorted(texts)}


def as_json(cards: Mapping[str, Card]) -> str:
    """Return cards as the text of a JSON object, by name."""
    return json.dumps(
        {name: card.model_dump(mode="json") for name, card in cards.items()}, indent=2
    )


def as_table(cards: Mapping[str, Card]) -> Table:
    """Return cards as a table for the terminal."""
    from rich.table import Table  # noqa: PLC0415 - only for the terminal

    table = Table(title="zoo: {name: ARCHITECTURE, checkpoint: NAME}", title_justify="left")
    for header in _HEADERS:
        table.add_column(header, overflow="fold", no_wrap=header == "name")
    for name, card in cards.items():
        table.add_row(*_cells(name, card))
    return table


def _cells(name: str, card: Card) -> tuple[str, ...]:
    results = (_rate_and_psnr(card.rate_distortion.get(key)) for key in ("sample", "kodak"))
    trained = f"{card.steps} steps, {card.seconds / 60:.0f} min"
    widths = "/".join(map(str, card.widths))
    return name, widths, f"{card.lmbda:g}", card.parent or "", trained, *results, card.licence


def _rate_and_psnr(result: RateDistortion | None) -> str:
    return f"{result.bpp:.3f} bpp {result.psnr:.2f} dB" if result else ""
