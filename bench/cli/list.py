"""What can be named in a suite, and whether it can run here: `bench list`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from typing import Any, Literal, TypeAlias

from rich.table import Table

from bench.errors import BenchError, ConfigError
from bench.metrics.scores import SCORES
from bench.registry.registry import Kind, entries, entry, implementation, parameters, unavailable
from bench.suite.bundled import bundled_suites
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

Listed: TypeAlias = Literal["codecs", "attacks", "objectives", "defences", "metrics", "suites"]

_KINDS: dict[str, tuple[Kind, ...]] = {
    "codecs": ("codec",),
    "attacks": ("attack", "ensemble"),
    "objectives": ("objective",),
    "defences": ("defence",),
    "metrics": ("metric",),
}


@dataclass(frozen=True)
class Item:
    """One thing that can be named.

    Attributes:
        name: as it is written in a suite.
        summary: what it is.
        paper: where an attack or a defence was published, if it was.
        budgets: the kinds of budget that an attack can do.
        needs: what an attack asks of a codec.
        gradient: what an attack follows through a defence.
        scored: where a metric is.
        parameters: each with its default, or "required".
        problem: why it cannot run here and what to do; None if it can.
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


def items(what: str) -> list[Item]:
    """Return everything of a kind, one of `Listed`."""
    if what in _KINDS:
        named = [_implementation(kind, name) for kind in _KINDS[what] for name in entries(kind)]
        return [*_scores(), *named] if what == "metrics" else named
    return [_suite(name) for name in bundled_suites()]


def as_json(listed: list[Item]) -> str:
    """Return items as a JSON array."""
    return json.dumps([asdict(item) for item in listed], indent=2)


def as_table(what: str, listed: list[Item]) -> Table:
    """Return items as a table for the terminal."""
    table = Table(title=what, title_justify="left", show_lines=False)
    columns = {**_COLUMNS, **_OF_KIND.get(what, {}), "here": _here}
    for header in columns:
        table.add_column(header, overflow="fold", no_wrap=header == "name")
    for item in listed:
        table.add_row(*(told(item) for told in columns.values()))
    return table


def _given(item: Item) -> str:
    return ", ".join(f"{key}={value}" for key, value in item.parameters.items())


def _here(item: Item) -> str:
    return item.problem or "yes"


_COLUMNS: dict[str, Callable[[Item], str]] = {
    "name": lambda item: item.name,
    "what it is": lambda item: item.summary,
    "parameters": _given,
}
_OF_KIND: dict[str, dict[str, Callable[[Item], str]]] = {
    "attacks": {
        "budgets": lambda item: ", ".join(item.budgets),
        "needs": lambda item: item.needs,
        "paper": lambda item: item.paper,
    },
    "defences": {"gradient": lambda item: item.gradient, "paper": lambda item: item.paper},
    "metrics": {"scored": lambda item: item.scored, "paper": lambda item: item.paper},
}


def _scores() -> list[Item]:
    """Return what is scored without being named in `metrics:`."""
    return [
        Item(
            name,
            _in_unit(score.description, score.unit),
            scored="with vmaf: true" if name == "vmaf" else "always",
        )
        for name, score in SCORES.items()
    ]


def _in_unit(summary: str, unit: str) -> str:
    return f"{summary}, in {unit}" if unit else summary


def _implementation(kind: Kind, name: str) -> Item:
    try:
        fields = parameters(kind, name).model_fields
    except ConfigError as error:
        return Item(name, entries(kind)[name].summary, problem=str(error))
    listed = {
        key: "required" if value.is_required() else value.default for key, value in fields.items()
    }
    try:
        problem = unavailable(kind, name)
    except ConfigError as error:
        problem = str(error)
    return replace(_declared(kind, name), parameters=listed, problem=problem)


def _declared(kind: Kind, name: str) -> Item:
    """Return what an implementation and its entry say of themselves."""
    told, made = entry(kind, name), implementation(kind, name)
    if kind == "defence":
        return Item(name, told.summary, told.paper, gradient=getattr(made, "gradient", ""))
    if kind == "metric":
        summary = _in_unit(told.summary, getattr(made, "unit", ""))
        better = f"{getattr(made, 'better', '?')} is better"
        return Item(name, f"{summary}; {better}", told.paper, scored="where metrics: names it")
    if kind != "attack":
        return Item(name, told.summary)
    budgets, needs = getattr(made, "budgets", ()), getattr(made, "needs", "")
    return Item(name, told.summary, told.paper, budgets, needs)


def _suite(name: str) -> Item:
    text = (resources.files("suites") / f"{name}.yaml").read_text(encoding="utf-8")
    try:
        return Item(name, parse(text, f"{name}.yaml", Suite).description)
    except BenchError as error:
        return Item(name, "", problem=str(error))
