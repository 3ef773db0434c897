"""`bench list`: what a suite can name, and whether it can run here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from bench.registry.registry import Kind

HELP = "list what a suite can name, with parameters and what is missing on this machine"
EXAMPLE = "bench list attacks --json"

_KINDS: dict[str, tuple[Kind, ...]] = {
    "codecs": ("codec",),
    "attacks": ("attack", "ensemble"),
    "objectives": ("objective",),
    "defences": ("defence",),
    "metrics": ("metric",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("what", choices=(*_KINDS, "suites", "zoo"))
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Print tables, or JSON."""
    import json

    from bench.cli.output import say_lines
    from bench.utils.terminal import terminal

    if arguments.what == "zoo":
        from bench.models import zoo

        cards = zoo.cards()
        if arguments.json:
            say_lines(zoo.as_json(cards))
        else:
            terminal().print(zoo.as_table(cards))
        return
    items = listed(arguments.what)
    if arguments.json:
        say_lines(json.dumps([asdict(item) for item in items], indent=2))
    else:
        terminal().print(*_tables(arguments.what, items), sep="\n")


@dataclass(frozen=True)
class Item:
    """One thing that can be named.

    Attributes:
        name: as it is written in a suite.
        summary: what it is.
        paper: where an attack or a defence was published, if it was.
        budgets: the kinds of budget that an attack supports.
        needs: what an attack needs of a codec.
        gradient: which gradient an attack follows through a defence.
        scored: where a metric is scored.
        parameters: each with its default, or "required".
        problem: why it cannot run here and what to do; None if it can.
        documentation: whether a suite only makes a page of docs/.
    """

    name: str
    summary: str
    paper: str = ""
    budgets: tuple[str, ...] = ()
    needs: str = ""
    gradient: str = ""
    scored: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    documentation: bool = False


_RESOURCES = Item(
    "resources",
    "time and memory of coding under attack, by those of the source pictures; lower is better",
    scored="with resources: true",
)


def listed(what: str) -> list[Item]:
    """Return everything of a kind: "codecs", "attacks", ... or "suites"."""
    if what == "suites":
        return _suites()
    from bench.registry.registry import entries

    items = [_implementation(kind, name) for kind in _KINDS[what] for name in entries(kind)]
    return [*_scores(), _RESOURCES, *items] if what == "metrics" else items


def _suites() -> list[Item]:
    """Return suites for users first."""
    from importlib import resources

    import yaml

    from bench.suite import FOR_PAGES, bundled_suites

    items = []
    for name in bundled_suites():
        text = (resources.files("suites") / f"{name}.yaml").read_text(encoding="utf-8")
        summary = yaml.safe_load(text).get("description", "")
        items.append(Item(name, summary, documentation=name in FOR_PAGES))
    return sorted(items, key=lambda item: (item.documentation, item.name))


def _scores() -> list[Item]:
    """Return what is scored without being named in `metrics:`."""
    from bench.metrics.scores import SCORES

    return [
        Item(
            name,
            _in_unit(score.description, score.unit),
            scored="with vmaf: true" if name == "vmaf" else "always",
        )
        for name, score in SCORES.items()
    ]


def _implementation(kind: Kind, name: str) -> Item:
    from bench.errors import ConfigError
    from bench.registry.declarations import declaration
    from bench.registry.registry import entries, entry, unavailable

    try:
        declared, found = declaration(kind, name), entry(kind, name)
    except ConfigError as error:
        return Item(name, entries(kind)[name].summary, problem=str(error))
    try:
        problem = unavailable(kind, name)
    except ConfigError as error:
        problem = str(error)
    summary = found.summary
    if kind == "metric":
        summary = f"{_in_unit(summary, declared.unit)}; {declared.better or '?'} is better"
    return Item(
        name,
        summary,
        found.paper,
        declared.budgets,
        declared.needs,
        declared.gradient,
        "where metrics: names it" if kind == "metric" else "",
        {
            key: one.get("default") if "default" in one else "required"
            for key, one in declared.parameters.get("properties", {}).items()
        },
        problem,
    )


def _in_unit(summary: str, unit: str) -> str:
    return f"{summary}, in {unit}" if unit else summary


def _tables(what: str, items: list[Item]) -> list[Table]:
    """Return one table; of suites two, those for users first."""
    if what != "suites":
        return [_table(what, items)]
    users = [item for item in items if not item.documentation]
    pages = [item for item in items if item.documentation]
    return [_table("suites", users), _table("suites that make pages of docs/", pages)]


def _table(title: str, items: list[Item]) -> Table:
    from rich.table import Table

    from bench.utils.terminal import plain_line

    table = Table(title=title, title_justify="left", show_lines=False)
    columns = _COLUMNS.get(title, _SUITE_COLUMNS)
    for header in columns:
        table.add_column(header, overflow="fold", no_wrap=header == "name")
    for item in items:
        table.add_row(*(plain_line(text(item)) for text in columns.values()))
    return table


_Columns = dict[str, Callable[[Item], str]]
_SUITE_COLUMNS: _Columns = {
    "name": lambda item: item.name,
    "what it is": lambda item: item.summary,
}
_COMMON: _Columns = _SUITE_COLUMNS | {
    "parameters": lambda item: ", ".join(f"{key}={one}" for key, one in item.parameters.items())
}
_AVAILABLE: _Columns = {"available": lambda item: item.problem or "yes"}
_PAPER: _Columns = {"paper": lambda item: item.paper}
_COLUMNS: dict[str, _Columns] = {
    "codecs": _COMMON | _AVAILABLE,
    "objectives": _COMMON | _AVAILABLE,
    "attacks": _COMMON
    | {"budgets": lambda item: ", ".join(item.budgets), "needs": lambda item: item.needs}
    | _PAPER
    | _AVAILABLE,
    "defences": _COMMON | {"gradient": lambda item: item.gradient} | _PAPER | _AVAILABLE,
    "metrics": _COMMON | {"scored": lambda item: item.scored} | _PAPER | _AVAILABLE,
}
