"""Names to implementations: tables that ship with the package, entry points, named plugins.

    "pgd", {"steps": 60} --> Entry("attacks.gradient.pgd:PGD") --> PGD(steps=60)

Nothing is imported before it is named. Parameters are the typed arguments of the constructor,
checked by pydantic against its signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationError, WithJsonSchema

from bench.codec import Differentiable
from bench.entry import Entry
from bench.errors import PLUGIN_ERRORS, ConfigError, one_line, raise_if_machine
from bench.registry import entry_points as installed
from bench.registry.entry_points import attribute, checked_entry
from bench.registry.signatures import explained, model
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

_NAMED: dict[Kind, dict[str, Entry]] = {kind: {} for kind in _TABLES}

Transfer: TypeAlias = Literal["none", "gradient-free", "all"]
"""Which codecs are scored on pictures made against others: none, those without gradients, all."""

_LIVE_SURROGATE = Entry("backends.learned.compressai:live", "of a net in training")


@dataclass(frozen=True)
class ComponentSpec:
    """An implementation by name with its parameters: what one item of a suite's list says.

    Attributes:
        name: as it stands in a table.
        params: what the suite gave, defaults left out.
        label: what people call it; made of name and parameters if empty.
        defence: what a codec is behind, in the order in which a picture meets it.
        objectives: what an attack wants; what the suite wants if empty.
        transfer: what becomes of an attack's pictures; what the suite says if None.
        sources: labels of what an attack searches on, each alone or several together; what the
            suite says if empty.
    """

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    defence: tuple[ComponentSpec, ...] = ()
    objectives: tuple[ComponentSpec, ...] = ()
    transfer: Transfer | None = None
    sources: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        listed = " ".join(f"{key}={value}" for key, value in self.params)
        own = f"{self.name} {listed}".strip()
        wanted = [f"for {', '.join(map(str, self.objectives))}"] if self.objectives else []
        return self.label or " ".join([" + ".join((own, *map(str, self.defence))), *wanted])

    @property
    def bare(self) -> ComponentSpec:
        """The codec without what it is behind."""
        return ComponentSpec(self.name, self.params)


def entries(kind: Kind) -> Mapping[str, Entry]:
    """Return every known implementation of a kind: our own, installed ones, named plugins'.

    Raises:
        ConfigError: an installed distribution claims a name that is taken.
    """
    return {**_installed(kind), **_NAMED[kind]}


def register(owner: str, tables: Mapping[Kind, Mapping[str, Entry]]) -> None:
    """Make the implementations of a plugin known, all or none.

    Args:
        owner: what the plugin is called in errors.
        tables: from names to entries, by kind.

    Raises:
        ConfigError: a name is taken.
    """
    taken = [
        (kind, name) for kind, table in tables.items() for name in table.keys() & entries(kind)
    ]
    for kind, name in taken:
        raise ConfigError(
            f"{owner} registers the {kind} '{name}', a name already taken; rename it there"
        )
    for kind, table in tables.items():
        _NAMED[kind].update(table)


@cache
def _installed(kind: Kind) -> dict[str, Entry]:
    table = Entry(_TABLES[kind], "a table")
    return installed.merged_with_entry_points(kind, attribute(table, table.target))


def entry(kind: Kind, name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        ConfigError: there is none, and the nearest name is told; or an entry point is broken.
    """
    known = entries(kind)
    if name not in known:
        raise ConfigError(f"unknown {kind} '{name}'; {nearest(name, known)}")
    return checked_entry(kind, name, known[name])


def implementation(kind: Kind, name: str) -> Any:  # noqa: ANN401 - a class, or a function
    """Return what a name stands for, not yet called."""
    found = entry(kind, name)
    return attribute(found, found.target)


def unavailable(kind: Kind, name: str) -> str | None:
    """Return why an implementation cannot run here and what to do, or None if it can."""
    found = entry(kind, name)
    probe = found.available
    reason: str | None = attribute(found, probe)() if probe else None
    return reason


def parameters(kind: Kind, name: str) -> type[BaseModel]:
    """Return a model of the parameters that a suite may give, from the constructor's signature."""
    found = entry(kind, name)
    return model(name, found, attribute(found, found.target), _CODEC)


@dataclass(frozen=True)
class Component(ComponentSpec):
    """A component spec, resolved once: its name is known and its parameters are valid.

    Attributes:
        defence: as in the spec, resolved.
        objectives: as in the spec, resolved.
        kind: the table that has its name.
        codecs: the parameters that are codecs, resolved.
        values: every parameter, defaults filled in.
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
        """The codec without its defences."""
        return replace(self, label="", defence=())

    @cached_property
    def signature(self) -> dict[str, Any]:
        """Every parameter by name, defaults filled in, as it goes into a job's key.

        A codec's defences, where it has any, stand under "defence".
        """
        values = self.values.model_dump(mode="json")
        defence = [[one.name, one.signature] for one in self.defence]
        return values | {"defence": defence} if defence else values

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the model of the parameters: its class exists in this process alone."""
        return {**self.__dict__, "signature": self.signature, "values": None}


def resolve(kind: Kind, spec: ComponentSpec) -> Component:
    """Return a spec with its parameters validated; a component is returned as it is.

    Raises:
        ConfigError: the name or a parameter is unknown, or a value is not allowed.
    """
    if isinstance(spec, Component):
        return spec
    known = parameters(kind, spec.name)
    try:
        values = known.model_validate(dict(spec.params))
    except ValidationError as error:
        raise ConfigError(explained(f"{kind} '{spec.name}'", known, error)) from error
    return Component(
        spec.name,
        tuple((key, getattr(values, key)) for key, _ in spec.params),
        spec.label,
        tuple(resolve("defence", one) for one in spec.defence),
        tuple(resolve("objective", one) for one in spec.objectives),
        spec.transfer,
        spec.sources,
        kind=kind,
        codecs={key: _nested(value) for key, value in spec.params if _is_codec(known, key)},
        values=values,
    )


def instantiate(kind: Kind, spec: ComponentSpec) -> Any:  # noqa: ANN401 - the caller names the kind
    """Make the implementation that a spec names, inside its defences.

    Raises:
        ConfigError: it cannot be made with these parameters, or not on this machine.
    """
    found = entry(kind, spec.name)
    component = resolve(kind, spec)
    codecs = {key: instantiate("codec", one) for key, one in component.codecs.items()}
    try:
        made = attribute(found, found.target)(**found.preset, **dict(component.params) | codecs)
        for one in reversed(component.defence):
            made = instantiate("defence", one)(made)
    except PLUGIN_ERRORS as error:  # a plugin's constructor can fail in any way
        raise_if_machine(error)
        owner = f"the {kind} '{spec}'{found.origin}"
        raise ConfigError(f"{owner} cannot be used: {one_line(error)}") from error
    return made


def _is_codec(known: type[BaseModel], key: str) -> bool:
    return _IS_CODEC in known.model_fields[key].metadata


def _nested(item: object) -> Component:
    """Return the codec that a parameter names: by its name, or a mapping with it."""
    given = {"name": item} if isinstance(item, str) else item
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ConfigError(f"expected the codec's name, or a mapping with 'name', got {item!r}")
    params = tuple((str(key), value) for key, value in given.items() if key != "name")
    return resolve("codec", ComponentSpec(given["name"], params))


def _checked(item: object) -> object:
    _nested(item)
    return item


_IS_CODEC = AfterValidator(_checked)
_CODEC = Annotated[Any, _IS_CODEC, WithJsonSchema({"type": ["string", "object"]})]
"""A parameter that is a codec; it stays as the suite has it, and reads the same from disk."""


def live_surrogate(net: object) -> Differentiable:
    """Return what gradients flow through in a net that is being trained, as it stands now."""
    surrogate: Differentiable = attribute(_LIVE_SURROGATE, _LIVE_SURROGATE.target)(net)
    return surrogate
