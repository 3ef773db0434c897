"""Finds an implementation by its name and creates it with parameters.

    "pgd", {"steps": 60} --> Entry("attacks.gradient.pgd:PGD") --> PGD(steps=60)

Names come from the tables of the package, from entry points of installed distributions and from
plugins. An implementation is imported at first use. Parameters are the typed arguments of the
constructor; pydantic checks them against its signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import metadata
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationError, WithJsonSchema

from bench.entry import Entry
from bench.errors import PLUGIN_ERRORS, ConfigError, MissingPackageError, cause, raise_if_machine
from bench.registry.component_spec import ComponentSpec
from bench.registry.entry_points import checked_entry, import_target, merged_with_entry_points
from bench.registry.signatures import parameter_error, parameter_model
from bench.registry.trusted import trusted_module
from bench.utils.startup_call import startup_call
from bench.utils.yaml_config import nearest

Kind: TypeAlias = Literal["codec", "attack", "ensemble", "objective", "defence", "metric"]

_TABLES: dict[Kind, str] = {
    "codec": "backends:CODECS",
    "attack": "attacks:ATTACKS",
    "ensemble": "attacks:ENSEMBLES",
    "objective": "attacks:OBJECTIVES",
    "defence": "backends.defences:DEFENCES",
    "metric": "backends.metrics:METRICS",
}

KINDS: tuple[Kind, ...] = get_args(Kind)

_PLUGIN_ENTRIES: dict[Kind, dict[str, Entry]] = {kind: {} for kind in _TABLES}

_MODELS: dict[tuple[Kind, str], tuple[Entry | None, object, type[BaseModel]]] = {}
"""The model of the parameters of each implementation, with the entry and the class it is of."""


def entries(kind: Kind) -> Mapping[str, Entry]:
    """Return all implementations of a kind: built-in, installed, and from loaded plugins.

    Raises:
        ConfigError: an installed distribution registers a name that is already taken.
    """
    return {**_installed(kind), **_PLUGIN_ENTRIES[kind]}


def register(owner: str, tables: Mapping[Kind, Mapping[str, Entry]]) -> None:
    """Add all implementations of a plugin, or none if one name is taken.

    Args:
        owner: name of the plugin in error messages.
        tables: entries by name, by kind.

    Raises:
        ConfigError: a name is already taken.
    """
    taken = [
        (kind, name) for kind, table in tables.items() for name in table.keys() & entries(kind)
    ]
    for kind, name in taken:
        raise ConfigError(
            f"{owner} registers the {kind} '{name}', a name already taken; rename it there"
        )
    for kind, table in tables.items():
        _PLUGIN_ENTRIES[kind].update(table)


@cache
def _installed(kind: Kind) -> dict[str, Entry]:
    table = Entry(_TABLES[kind], "a table")
    return merged_with_entry_points(kind, import_target(table, table.target))


def entry(kind: Kind, name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        ConfigError: the name is unknown, or its entry point cannot be used.
    """
    known = entries(kind)
    if name not in known:
        raise ConfigError(f"unknown {kind} '{name}'; {nearest(name, known)}")
    return checked_entry(kind, name, known[name])


def is_built_in(kind: Kind, name: str) -> bool:
    """Return whether a name is one of the package's own."""
    table = Entry(_TABLES[kind], "a table")
    return name in import_target(table, table.target)


def implementation(kind: Kind, name: str) -> Any:  # noqa: ANN401 - a class, or a function
    """Return the class or function of a name."""
    named = entry(kind, name)
    return import_target(named, named.target)


def unavailable(kind: Kind, name: str) -> str | None:
    """Return why an implementation cannot run on this machine and the remedy; None if it can."""
    named = entry(kind, name)
    missing = _missing_packages(named)
    if missing or named.available is None:
        return missing
    reason: str | None = import_target(named, named.available)()
    return reason


def versions_of(kind: Kind, name: str) -> dict[str, str]:
    """Return the versions of the packages and programs that compute the values of a name.

    Packages that are missing, and those that the harness itself needs, are left out.
    """
    named = entry(kind, name)
    programs = {} if named.versions is None else import_target(named, named.versions)()
    return {**{p: v for p in named.packages if (v := _version(p))}, **programs}


def _missing_packages(named: Entry) -> str | None:
    missing = [package for package in named.packages if _version(package) is None]
    if not missing:
        return None
    remedy = named.install or f"pip install {' '.join(missing)}"
    return f"needs {' and '.join(missing)}: {remedy}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def parameters(kind: Kind, name: str) -> type[BaseModel]:
    """Return a model of the parameters that a suite can set, from the constructor's signature.

    A model takes milliseconds to make and a grid has many points, so it is kept for as long as the
    name means the same implementation.
    """
    listed, factory = entries(kind).get(name), implementation(kind, name)
    known = _MODELS.get((kind, name))
    if known is None or known[0] is not listed or known[1] is not factory:
        model = parameter_model(name, entry(kind, name), factory, _CODEC)
        known = _MODELS[kind, name] = (listed, factory, model)
    return known[2]


@dataclass(frozen=True)
class Component(ComponentSpec):
    """A resolved component spec: its name is known and its parameters are valid.

    Attributes:
        defence: the resolved defences.
        objectives: the resolved objectives.
        kind: kind of the implementation.
        codecs: the parameters that are codecs, resolved.
        values: all parameters, including defaults.
    """

    defence: tuple[Component, ...] = ()
    objectives: tuple[Component, ...] = ()
    kind: Annotated[Kind, Field(exclude=True)] = field(kw_only=True, compare=False, repr=False)
    codecs: Annotated[Mapping[str, Component], Field(exclude=True)] = field(
        default_factory=dict, kw_only=True, compare=False, repr=False
    )
    values: Annotated[BaseModel, Field(exclude=True)] = field(
        kw_only=True, compare=False, repr=False
    )

    @property
    def bare(self) -> Component:
        """The codec without its defences and its label."""
        return replace(self, label="", defence=())

    @cached_property
    def signature(self) -> dict[str, Any]:
        """All parameters by name, including defaults, as they are part of a job's key.

        The defences of a codec, if any, are under "defence".
        """
        values = self.values.model_dump(mode="json")
        defence = [[layer.name, layer.signature] for layer in self.defence]
        return values | {"defence": defence} if defence else values

    @cached_property
    def bare_identity(self) -> str:
        """Name and parameters without defences: the same for a codec and its defended versions."""
        values = {key: value for key, value in self.signature.items() if key != "defence"}
        return json.dumps([self.name, values], sort_keys=True)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether it, or a part of it, is code of a plugin or of an installed distribution."""
        parts = (*self.defence, *self.objectives, *self.codecs.values())
        return (
            not is_built_in(self.kind, self.name)
            or any(map(_names_foreign_class, dict(self.params).values()))
            or any(part.is_foreign for part in parts)
        )

    def __getstate__(self) -> dict[str, Any]:
        """Omit the parameter model, because its class exists only in this process."""
        return {**self.__dict__, "signature": self.signature, "values": None}


def resolve(kind: Kind, spec: ComponentSpec) -> Component:
    """Return a spec with its parameters checked; a component is returned as it is.

    Raises:
        ConfigError: the name or a parameter is unknown, or a value is not valid.
    """
    if isinstance(spec, Component):
        return spec
    model = parameters(kind, spec.name)
    try:
        values = model.model_validate(dict(spec.params))
    except ValidationError as error:
        raise ConfigError(parameter_error(f"{kind} '{spec.name}'", model, error)) from error
    by_name = dict(values)
    return Component(
        spec.name,
        tuple((key, by_name[key]) for key, _ in spec.params),
        spec.label,
        tuple(resolve("defence", layer) for layer in spec.defence),
        tuple(resolve("objective", objective) for objective in spec.objectives),
        spec.transfer,
        spec.sources,
        spec.rounding,
        spec.starts,
        spec.start_from,
        spec.extensions,
        kind=kind,
        codecs={key: _resolve_codec(value) for key, value in spec.params if _is_codec(model, key)},
        values=values,
    )


def instantiate(kind: Kind, spec: ComponentSpec) -> Any:  # noqa: ANN401 - the caller names the kind
    """Create the implementation that a spec names, with its defences around it.

    Raises:
        ConfigError: the constructor fails with these parameters or on this machine.
    """
    named = entry(kind, spec.name)
    component = resolve(kind, spec)
    if missing := _missing_packages(named):
        raise MissingPackageError(f"the {kind} '{spec}'{named.origin} {missing}")
    codecs = {key: instantiate("codec", codec) for key, codec in component.codecs.items()}
    arguments = {**named.preset, **dict(component.params), **codecs}
    try:
        with startup_call(f"making {spec}") if component.is_foreign else nullcontext():
            created = import_target(named, named.target)(**arguments)
            for layer in reversed(component.defence):
                created = instantiate("defence", layer)(created)
    except PLUGIN_ERRORS as error:  # a plugin's constructor can fail in any way
        raise_if_machine(error)
        subject = f"the {kind} '{spec}'{named.origin}"
        raise ConfigError(f"{subject} cannot be used: {cause(error)}") from error
    return created


def _names_foreign_class(value: object) -> bool:
    """Return whether a parameter is "module:Class" of a plugin."""
    return isinstance(value, str) and trusted_module(value.partition(":")[0]) is not None


def _is_codec(model: type[BaseModel], key: str) -> bool:
    return key in model.model_fields and _IS_CODEC in model.model_fields[key].metadata


def _resolve_codec(item: object) -> Component:
    """Return the codec of a parameter, which is a name or a mapping with a name."""
    settings = {"name": item} if isinstance(item, str) else item
    if not isinstance(settings, dict) or not isinstance(settings.get("name"), str):
        raise ConfigError(f"expected the codec's name, or a mapping with 'name', got {item!r}")
    params = tuple((str(key), value) for key, value in settings.items() if key != "name")
    return resolve("codec", ComponentSpec(settings["name"], params))


def _check_codec(item: object) -> object:
    _resolve_codec(item)
    return item


_IS_CODEC = AfterValidator(_check_codec)
_CODEC = Annotated[Any, _IS_CODEC, WithJsonSchema({"type": ["string", "object"]})]
"""A parameter that is a codec. Its value stays as written in the suite, also in stored records."""
