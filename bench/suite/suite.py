"""The settings of a suite: attacks, budgets, codecs and pictures, read from YAML and checked.

attacks: [fgsm, {name: pgd, steps: [10, 60]}]        a list of values is a grid: pgd twice
attacks: [{name: pgd, objectives: rate}]             its own objective, not those of the suite
attacks: [{name: square, transfer: none}]            its pictures are scored on their sources only
attacks: [{name: square, sources: VVC 32}]           its only source, by label
attacks: [{name: apgd, rounding: none}]              gradients of the surrogate without rounding
attacks: [{name: apgd, starts: 3}]                   three searches from different random pictures
attacks: [{name: apgd, start_from: {attack: fgsm}}]  starts at the pictures that fgsm found before
attacks: [{name: apgd, extensions: 2}]               twice the steps, twice, while it still rises
attacks: [standard]                                  an ensemble: all its members
codecs: [{name: vvc, qp: [32, 37], label: "VVC {qp}"}]  the label in records and leaderboards
score: [VVC 32]                                      the others are sources of transfer only
codecs: [{name: jpeg, quality: 50, defence: [median, flip]}]  two defences, applied in this order
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from bench.images.image_set import ImageSpec
from bench.metrics.scores import SCORES
from bench.registry.component_spec import AT_SOURCE, ComponentSpec, Transfer
from bench.registry.plugins import Plugins
from bench.registry.registry import Component, Kind, entries, resolve
from bench.suite.fields import BudgetSpec, attacks, check_grids, choices
from bench.utils.precision import BFLOAT16_VERSION, Arithmetic, Precision
from bench.utils.yaml_config import Settings, as_list, load, nearest

Source: TypeAlias = str | list[str]
"""The source of a search, by label: one operating point, or several that are attacked jointly."""


class Compute(Settings):
    """Computation settings that change the result of a search, and therefore the key of its job.

    Attributes:
        threads: CPU threads of one search.
        precision: precision of the networks that give gradients; scores always use float32.
        compile: whether the networks that give gradients are compiled with torch.compile; codecs
            that are scored never are.
        batch: number of pictures of one size that a gradient attack processes at once; pictures
            are grouped in the order of their names.
    """

    threads: Annotated[int, Field(ge=1, le=256)] = 2
    precision: Precision = "float32"
    compile: bool = False
    batch: Annotated[int, Field(ge=1, le=1024)] = 1

    @property
    def identity(self) -> dict[str, object]:
        """The part of a key: the threads, settings other than defaults, the bfloat16 version."""
        settings = {**self.model_dump(exclude_defaults=True), "threads": self.threads}
        return settings | ({"bfloat16": BFLOAT16_VERSION} if self.precision == "bfloat16" else {})

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic of the surrogates in a search."""
        return Arithmetic(self.precision, self.compile)


_KINDS: dict[str, Kind] = {
    "codecs": "codec",
    "attacks": "attack",
    "objectives": "objective",
    "metrics": "metric",
}


def _usual_objectives() -> list[list[Component]]:
    return [[resolve("objective", ComponentSpec(name))] for name in ("distortion", "rate")]


_NEW_KEYS = {"resources", "score", "transfer_from"}
"""Keys that older suites do not have."""


class Suite(Settings):
    """The settings of one benchmark, as written in a suite file.

    Attributes:
        plugins: Python files and modules with additional codecs, attacks and so on, by path or
            name.
        name: name of the run folder and the leaderboard.
        description: purpose of the suite, printed on the leaderboard.
        seed: seed of the suite; the seed of every search depends on it.
        images: the source pictures.
        codecs: the operating points that are scored. Those with gradients are also sources of
            gradient attacks.
        attacks: the attacks.
        objectives: the objectives of all attacks that do not set their own.
        budgets: the budgets of the perturbations.
        sources: the sources of the searches, by label. A list of several labels is one source that
            is attacked jointly, with the gradients of all. By default every operating point is a
            source of its own. An attack can set its own sources.
        score: the labels of the codecs that are scored; all by default. The others are attacked
            only where pictures made against them count for a codec that is scored.
        transfer: the codecs that are also scored on pictures made against other codecs: those
            without gradients, all, or none. An attack can set its own.
        transfer_from: the labels of the codecs whose pictures others are scored on; all by default.
        draws: number of draws of a random codec that are averaged in a gradient, and with which
            every picture is scored.
        rd_lambda: weight of 255^2 MSE in the reported R-D cost.
        vmaf: whether VMAF is scored too, which takes about 0.2 s per picture.
        metrics: additional metrics to score.
        resources: whether time and memory under attack are measured when all else is done.
        compute: computation settings that change the result of a search.
    """

    plugins: Plugins = ()
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    description: str = ""
    seed: int = 0
    images: ImageSpec
    codecs: Annotated[list[Annotated[list[Component], choices("codec")]], Field(min_length=1)]
    objectives: Annotated[
        list[Annotated[list[Component], choices("objective")]], Field(min_length=1)
    ] = Field(default_factory=_usual_objectives)
    budgets: Annotated[list[BudgetSpec], Field(min_length=1)]
    attacks: Annotated[list[Annotated[list[Component], attacks()]], Field(min_length=1)]
    sources: tuple[Source, ...] = ()
    score: tuple[str, ...] = ()
    transfer: Transfer = "gradient-free"
    transfer_from: tuple[str, ...] = ()
    draws: Annotated[int, Field(ge=1, le=256)] = 8
    rd_lambda: Annotated[float, Field(gt=0)] = 0.013
    vmaf: bool = False
    metrics: list[Annotated[list[Component], choices("metric")]] = Field([])
    resources: bool = False
    compute: Compute = Compute()

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older suites do not have, so that their manifests and hashes stay."""
        fields: dict[str, Any] = serialise(self)
        return {key: value for key, value in fields.items() if value or key not in _NEW_KEYS}

    @property
    def operating_points(self) -> list[Component]:
        """The operating points, with grids expanded."""
        return list(itertools.chain(*self.codecs))

    @property
    def all_attacks(self) -> list[Component]:
        """The attacks, with grids and ensembles expanded."""
        return list(itertools.chain(*self.attacks))

    @property
    def default_objectives(self) -> list[Component]:
        """The objectives of attacks that do not set their own, with grids expanded."""
        return list(itertools.chain(*self.objectives))

    @property
    def all_objectives(self) -> list[Component]:
        """The default objectives and those of single attacks, each label once."""
        own = itertools.chain(*(attack.objectives for attack in self.all_attacks))
        return list({str(choice): choice for choice in (*self.default_objectives, *own)}.values())

    @property
    def named_metrics(self) -> list[Component]:
        """The additional metrics, with grids expanded."""
        return list(itertools.chain(*self.metrics))

    @property
    def floor_metrics(self) -> list[str]:
        """The names of the metrics that budgets are floors of, built-in scores left out."""
        kinds = [spec.budget().kind for spec in self.budgets]
        return [kind for kind in kinds if kind in entries("metric")]

    @property
    def source_groups(self) -> list[list[str]]:
        """The labels of every source; empty if every operating point is a source of its own."""
        return [as_list(labels) for labels in self.sources]

    @field_validator("codecs", "attacks", "objectives", "metrics", mode="before")
    @classmethod
    def _are_of_a_usable_size(cls, value: object, info: ValidationInfo) -> object:
        check_grids(_KINDS[str(info.field_name)], value)
        return value

    @field_validator("codecs", "attacks", "objectives", "metrics")
    @classmethod
    def _have_distinct_labels(cls, value: list[list[Component]]) -> list[list[Component]]:
        _check_distinct([str(choice) for choices in value for choice in choices])
        return value

    @field_validator("metrics")
    @classmethod
    def _are_no_built_in_scores(cls, value: list[list[Component]]) -> list[list[Component]]:
        for label in map(str, itertools.chain(*value)):
            if label in SCORES:
                raise ValueError(f"'{label}' is a built-in score; give the metric another label")
        return value

    @field_validator("attacks")
    @classmethod
    def _label_objectives_uniquely(
        cls, value: list[list[Component]], info: ValidationInfo
    ) -> list[list[Component]]:
        """Check that two different objectives do not have the same label."""
        objectives = itertools.chain(*info.data.get("objectives", []))
        known = {str(objective): objective for objective in objectives}
        for own in itertools.chain(*(attack.objectives for attack in itertools.chain(*value))):
            if known.setdefault(str(own), own) != own:
                raise ValueError(f"two objectives have the label '{own}'; change one of them")
        return value

    @field_validator("attacks")
    @classmethod
    def _have_known_sources(
        cls, value: list[list[Component]], info: ValidationInfo
    ) -> list[list[Component]]:
        own = (attack.sources for attack in itertools.chain(*value))
        _check_sources(itertools.chain(*own), info)
        return value

    @field_validator("attacks")
    @classmethod
    def _start_from_known_attacks(
        cls, value: list[list[Component]], info: ValidationInfo
    ) -> list[list[Component]]:
        """Check that an attack that starts from another one's pictures is listed after it."""
        usual = list(itertools.chain(*info.data.get("objectives", [])))
        known: set[tuple[str, str]] = set()
        for attack in itertools.chain(*value):
            objectives = list(map(str, attack.objectives or usual))
            is_other = attack.start_from not in {(), AT_SOURCE}
            label, *given = attack.start_from or ("",)
            for objective in (given or objectives) if is_other else ():
                if (label, objective) not in known:
                    raise ValueError(
                        f"'{attack}' starts from the pictures of '{label}' for '{objective}', but"
                        " no attack before it has this label and this objective"
                    )
            known |= {(str(attack), objective) for objective in objectives}
        return value

    @field_validator("budgets")
    @classmethod
    def _are_distinct_budgets(cls, value: list[BudgetSpec]) -> list[BudgetSpec]:
        _check_distinct([str(spec.budget()) for spec in value])
        return value

    @field_validator("sources")
    @classmethod
    def _are_known_sources(
        cls, value: tuple[Source, ...], info: ValidationInfo
    ) -> tuple[Source, ...]:
        _check_sources(map(as_list, value), info)
        return value

    @field_validator("score", "transfer_from")
    @classmethod
    def _are_known_codecs(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        _check_sources([value] if value else [], info)
        return value


def _check_sources(groups: Iterable[Sequence[str]], info: ValidationInfo) -> None:
    """Check that the labels of each source are distinct labels of the suite's codecs."""
    known = {str(choice) for choice in itertools.chain(*info.data.get("codecs", []))}
    for labels in groups:
        _check_distinct(labels)
        if not labels:
            raise ValueError("a source is an empty list; name at least one codec")
        for label in (label for label in labels if label not in known):
            raise ValueError(f"no codec has the label '{label}'; {nearest(label, known)}")


def _check_distinct(labels: Sequence[str]) -> None:
    repeated = sorted(label for label, count in Counter(labels).items() if count > 1)
    if repeated:
        more = f" (and {len(repeated) - 1} more)" if len(repeated) > 1 else ""
        raise ValueError(f"{repeated[0]} is listed twice{more}; remove one")


def load_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        ConfigError: the file cannot be read, or is not a valid suite.
    """
    return load(path, Suite)
