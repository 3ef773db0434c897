"""Fields that suites and training recipes share: budgets, and components with parameters."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import Component, Kind, entries, instantiate, resolve
from bench.suite.attack_settings import SETTINGS, attack_settings
from bench.utils.yaml_config import Settings, as_list

if TYPE_CHECKING:
    from bench.budget import Budget

BUDGETS = ("linf", "l2", "mse", "ssim", "haarpsi", "cvvdp", "unlimited")
"""The keys of a budget in YAML, one per kind."""

_FLOORS = ("ssim", "haarpsi", "cvvdp")
"""The keys that `linf` can limit further."""

_UNSET = ("haarpsi", "cvvdp", "unlimited")
"""The keys that older suites do not have."""


class Rectangle(Settings):
    """The only region of a picture that may change, in pixels."""

    top: Annotated[int, Field(ge=0)]
    left: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]


class BudgetSpec(Settings):
    """The budget of one threat model: exactly one kind, or a floor together with `linf`.

    Floors are `ssim`, `haarpsi` and `cvvdp`.

    Attributes:
        linf: largest perturbation of any value, in whole 8-bit levels.
        l2: L2 norm of the perturbation, in 8-bit levels.
        mse: mean squared perturbation, for pictures in [0, 1].
        ssim: smallest SSIM between the source picture and the adversarial picture, computed as in
            the scores.
        haarpsi: smallest HaarPSI, as the metric of this name computes it.
        cvvdp: smallest quality by ColorVideoVDP in JOD, as the metric of this name computes it. One
            comparison takes as long as many steps; see `bench.floors.metric_floor.Cvvdp`.
        unlimited: true allows every picture; only for corruptions, which are no attacks.
        region: the rectangle that may change; the whole picture by default.
    """

    linf: Annotated[int, Field(ge=1, le=255)] | None = None
    l2: Annotated[float, Field(gt=0)] | None = None
    mse: Annotated[float, Field(gt=0, le=1)] | None = None
    ssim: Annotated[float, Field(gt=0, lt=1)] | None = None
    haarpsi: Annotated[float, Field(gt=0, lt=1)] | None = None
    cvvdp: Annotated[float, Field(gt=0, lt=10)] | None = None
    unlimited: Literal[True] | None = None
    region: Rectangle | None = None

    @model_validator(mode="after")
    def _one_norm(self) -> BudgetSpec:
        kinds = self._kinds()
        if len(kinds) != 1 and (len(kinds) != 2 or kinds[0] != "linf" or kinds[1] not in _FLOORS):
            raise ValueError(
                f"a budget has exactly one of {', '.join(BUDGETS)} (only linf can be combined, with"
                f" {', '.join(_FLOORS[:-1])} or {_FLOORS[-1]}), but {len(kinds)} are set; set one"
            )
        if self.unlimited and self.region is not None:
            raise ValueError("a budget without a limit has no region; remove 'region'")
        return self

    @model_serializer(mode="wrap")
    def _without_unset(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what no older suite has, so that its hash and its run folders stay valid."""
        fields: dict[str, Any] = serialise(self)
        return {k: v for k, v in fields.items() if v is not None or k not in _UNSET}

    def budget(self) -> Budget:
        """Return the budget."""
        from bench.budget import L2, Linf, Mse, Region, Unlimited  # noqa: PLC0415 - suites need no torch
        from bench.floors.floor import Floor  # noqa: PLC0415
        from bench.floors.metric_floor import Cvvdp, HaarPsi  # noqa: PLC0415
        from bench.floors.ssim import Ssim  # noqa: PLC0415

        region = None if self.region is None else Region(**self.region.model_dump())
        floors: tuple[type[Floor], ...] = (Ssim, HaarPsi, Cvvdp)
        for floor in floors:
            if (least := getattr(self, floor.kind)) is not None:
                return floor(floor.best - least, cap=self.linf, region=region)
        if self.unlimited:
            return Unlimited()
        (kind,) = self._kinds()
        norms: dict[str, type[Budget]] = {"linf": Linf, "l2": L2, "mse": Mse}
        return norms[kind](getattr(self, kind), region=region)

    def _kinds(self) -> list[str]:
        return [kind for kind in BUDGETS if getattr(self, kind) is not None]


MOST_POINTS = 100_000
"""Largest number of components that a list of a suite can stand for."""

LONGEST_LABEL = 200
"""Length of the longest label, in characters; labels become parts of file names."""

_PLURAL: dict[Kind, str] = {"codec": "operating points"}

_NESTED_KEYS: dict[Kind, frozenset[str]] = {
    "codec": frozenset({"defence"}),
    "attack": frozenset({"objectives", *SETTINGS}),
}
"""The keys of an item in a suite's list besides its name, its label and its parameters."""


def choices(kind: Kind) -> BeforeValidator:
    """Return a validator that expands a list item into one component per grid point.

    An item is a name, or a mapping with a name.
    """
    return BeforeValidator(partial(_expand, kind))


def choice(kind: Kind) -> BeforeValidator:
    """Return a validator that resolves a name, or a mapping with a name; it rejects grids."""
    return BeforeValidator(partial(single, kind))


def attacks() -> BeforeValidator:
    """Return a validator that expands a list item into attacks.

    An attack gives one component per grid point. An ensemble gives its members that support the
    suite's objectives and budgets, so these fields must be declared before the attacks.
    """
    return BeforeValidator(_expand_attack)


def _expand_attack(item: Any, info: ValidationInfo) -> list[Component]:  # noqa: ANN401 - YAML as it was written
    name = item.get("name") if isinstance(item, dict) else item
    if not isinstance(name, str) or name not in entries("ensemble"):
        return _expand("attack", item)
    objectives = {objective.name for objective in itertools.chain(*info.data.get("objectives", ()))}
    kinds = {spec.budget().kind for spec in info.data.get("budgets", ())}
    members = (
        instantiate("ensemble", ensemble).members(objectives, kinds)
        for ensemble in _expand("ensemble", item)
    )
    return [attack for member in itertools.chain(*members) for attack in _expand("attack", member)]


def grid_points(kind: Kind, item: Any) -> int:  # noqa: ANN401 - YAML as it was written
    """Return the number of components that an item of a list stands for, without making them."""
    if not isinstance(item, dict):
        return 1
    points = math.prod(len(values) for values in _parameter_lists(kind, item).values())
    chain = as_list(item.get("defence", [])) if kind == "codec" else []
    return points * math.prod(grid_points("defence", layer) for layer in chain)


def check_grids(kind: Kind, items: Any) -> None:  # noqa: ANN401 - YAML as it was written
    """Check that a list stands for at most `MOST_POINTS` components, before any is made.

    Raises:
        ValueError: it stands for more, or has an empty list of values.
    """
    points = sum(grid_points(kind, item) for item in as_list(items))
    if points > MOST_POINTS:
        raise ValueError(
            f"the lists of values give {points} {_PLURAL.get(kind, kind + 's')}, more than"
            f" {MOST_POINTS}; shorten them"
        )


def _expand(kind: Kind, item: Any) -> list[Component]:  # noqa: ANN401 - YAML as it was written
    if isinstance(item, str):
        item = {"name": item}
    try:
        check_grids(kind, item)
        return [resolve(kind, spec) for spec in _grid(kind, item)]
    except ConfigError as error:
        raise ValueError(str(error)) from error


def single(kind: Kind, item: Any) -> Component:  # noqa: ANN401 - YAML as it was written
    """Return the component that an item names.

    Raises:
        ValueError: the item names no component, or a grid of several.
    """
    components = _expand(kind, item)
    if len(components) > 1:
        raise ValueError(
            f"expected one {kind}, but the lists of values give {len(components)};"
            " set one value per parameter"
        )
    return components[0]


def _grid(kind: Kind, item: Any) -> Iterator[ComponentSpec]:  # noqa: ANN401 - YAML as it was written
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ConfigError(f"expected the {kind}'s name, or a mapping with 'name', got {item!r}")
    template = item.get("label", "")
    values = _parameter_lists(kind, item)
    defences = _defence_chains(item.get("defence", [])) if kind == "codec" else [()]
    overrides = _of_attack(item) if kind == "attack" else {}
    for *point, defence in itertools.product(*values.values(), defences):
        params = tuple(zip(values, point, strict=True))
        label = _label(template, params, defence)
        yield ComponentSpec(item["name"], params, label, defence, **overrides)


def _parameter_lists(kind: Kind, item: dict[Any, Any]) -> dict[str, list[Any]]:
    """Return the values of every parameter of an item, each as a list."""
    others = {"name", "label", *_NESTED_KEYS.get(kind, ())}
    lists = {str(key): as_list(value) for key, value in item.items() if key not in others}
    for key, values in lists.items():
        if not values:
            raise ConfigError(f"'{key}' of the {kind} '{item.get('name')}' is an empty list")
    return lists


def _defence_chains(items: Any) -> list[tuple[Component, ...]]:  # noqa: ANN401 - YAML as it was written
    """Return the defences of a codec in order, once for each point of their grids."""
    return list(itertools.product(*(_expand("defence", item) for item in as_list(items))))


def _of_attack(item: dict[Any, Any]) -> dict[str, Any]:
    """Return the objectives and the settings of an attack."""
    objectives = (_expand("objective", one) for one in as_list(item.get("objectives", [])))
    return {"objectives": tuple(itertools.chain(*objectives)), **attack_settings(item)}


def _label(
    template: object, params: tuple[tuple[str, Any], ...], defence: tuple[Component, ...]
) -> str:
    """Replace every {parameter} in a label; no other formatting syntax is supported."""
    values = {**dict(params), **({"defence": " + ".join(map(str, defence))} if defence else {})}
    if not isinstance(template, str) or (template and not template.strip()):
        raise ConfigError(f"the label {template!r} is not a text; write one, or remove 'label'")
    unknown = set(re.findall(r"{(.*?)}", template)) - values.keys()
    if unknown:
        known = ", ".join(f"{{{key}}}" for key in values) or "no parameter"
        raise ConfigError(f"the label {template!r} can use {known}, not {{{unknown.pop()}}}")
    label = re.sub(r"{(.*?)}", lambda match: str(values[match[1]]), template)
    if len(label) > LONGEST_LABEL:
        raise ConfigError(
            f"the label '{label[:20]}...' has {len(label)} characters, more than {LONGEST_LABEL};"
            " shorten it"
        )
    return label
