"""A suite: which attacks, at which budgets, on which codecs and pictures. YAML in, checked.

attacks: [fgsm, {name: pgd, steps: [10, 60]}]        a list as a value is a grid: pgd twice
attacks: [{name: pgd, objectives: rate}]             wants this alone, whatever the others want
attacks: [{name: square, transfer: none}]            is scored on nothing but what it asked
attacks: [{name: square, sources: VVC 32}]           asks this codec alone, by its label
attacks: [standard]                                  an ensemble: all its members
codecs: [{name: vvc, qp: [32, 37], label: VVC {qp}}]  what the board calls it
codecs: [{name: jpeg, quality: 50, defence: [median, flip]}]  behind both, met in this order
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from bench.images.image_set import ImageSpec
from bench.metrics.scores import SCORES
from bench.registry.plugins import Plugins
from bench.registry.registry import Component, ComponentSpec, Transfer, resolve
from bench.suite.fields import BudgetSpec, attacks, choices, listed
from bench.utils.precision import BFLOAT16_VERSION, Arithmetic, Precision
from bench.utils.yaml_config import Settings, load, nearest

Source: TypeAlias = str | list[str]
"""What is searched on, by label: one operating point, or several at once."""


class Compute(Settings):
    """What changes the numbers of a search, and so is part of every job's key.

    Attributes:
        threads: how many CPU threads one search uses.
        precision: of the nets whose gradients a search follows; scores are of float32 always.
        compile: whether these nets are compiled with torch.compile; those that are scored are not.
        batch: how many pictures of one size are searched at once where gradients are followed;
            pictures are put together in the order of their names.
    """

    threads: Annotated[int, Field(ge=1, le=256)] = 2
    precision: Precision = "float32"
    compile: bool = False
    batch: Annotated[int, Field(ge=1, le=1024)] = 1

    @property
    def identity(self) -> dict[str, object]:
        """What stands in keys: the threads, what else was set, and how bfloat16 is done."""
        told = {**self.model_dump(exclude_defaults=True), "threads": self.threads}
        return told | ({"bfloat16": BFLOAT16_VERSION} if self.precision == "bfloat16" else {})

    @property
    def arithmetic(self) -> Arithmetic:
        """How the surrogates of its searches compute."""
        return Arithmetic(self.precision, self.compile)


def _usual_objectives() -> list[list[Component]]:
    return [[resolve("objective", ComponentSpec(name))] for name in ("distortion", "rate")]


class Suite(Settings):
    """A whole benchmark, as it stands in a file.

    Attributes:
        plugins: Python files and modules whose tables are known besides, by path or name.
        name: names the run folder and the board.
        description: what it is for, printed on the board.
        seed: every random draw follows from it and from the job's own key.
        images: the source pictures.
        codecs: the operating points that are scored; those with gradients are attacked through
            them.
        attacks: how pictures are searched.
        objectives: what the attacks want that say nothing else themselves.
        budgets: how far pictures may change.
        sources: the operating points that are searched on, by label; several in a list are
            searched on together, through the gradients of all. Every one by itself if left out;
            an attack may name others of its own.
        transfer: which codecs are also scored on pictures made against the others: those without
            gradients, all, or none; an attack may say something else of its own.
        draws: how many draws of a codec that draws random numbers are averaged in a gradient, and
            how many every picture is scored with.
        rd_lambda: the weight of 255^2 MSE in the R-D cost that is reported.
        vmaf: whether VMAF is scored too, at about 0.2 s a picture.
        metrics: what is scored besides.
        compute: what changes the numbers of a search.
    """

    plugins: Plugins = ()
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
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
    transfer: Transfer = "gradient-free"
    draws: Annotated[int, Field(ge=1, le=256)] = 8
    rd_lambda: Annotated[float, Field(gt=0)] = 0.013
    vmaf: bool = False
    metrics: list[Annotated[list[Component], choices("metric")]] = Field([])
    compute: Compute = Compute()

    @property
    def points(self) -> list[Component]:
        """The operating points, grids expanded."""
        return list(itertools.chain(*self.codecs))

    @property
    def searches(self) -> list[Component]:
        """The attacks, grids expanded."""
        return list(itertools.chain(*self.attacks))

    @property
    def wants(self) -> list[Component]:
        """The objectives, grids expanded."""
        return list(itertools.chain(*self.objectives))

    @property
    def climbed(self) -> list[Component]:
        """The objectives, and what some attacks want in their place."""
        own = itertools.chain(*(choice.objectives for choice in self.searches))
        return list({str(choice): choice for choice in (*self.wants, *own)}.values())

    @property
    def yardsticks(self) -> list[Component]:
        """The metrics, grids expanded."""
        return list(itertools.chain(*self.metrics))

    @property
    def together(self) -> list[list[str]]:
        """The labels of what is searched on together; none where each codec is by itself."""
        return [listed(labels) for labels in self.sources]

    @field_validator("codecs", "attacks", "objectives", "metrics")
    @classmethod
    def _distinct(cls, value: list[list[Component]]) -> list[list[Component]]:
        _refuse_twins([str(choice) for choices in value for choice in choices])
        return value

    @field_validator("metrics")
    @classmethod
    def _besides(cls, value: list[list[Component]]) -> list[list[Component]]:
        for label in map(str, itertools.chain(*value)):
            if label in SCORES:
                raise ValueError(f"the harness has a score '{label}'; give yours another label")
        return value

    @field_validator("attacks")
    @classmethod
    def _told_apart(
        cls, value: list[list[Component]], info: ValidationInfo
    ) -> list[list[Component]]:
        """See that what is called alike is wanted alike."""
        known = {str(one): one for one in itertools.chain(*info.data.get("objectives", []))}
        for own in (one for choice in itertools.chain(*value) for one in choice.objectives):
            if known.setdefault(str(own), own) != own:
                raise ValueError(f"two objectives are labelled '{own}'")
        return value

    @field_validator("attacks")
    @classmethod
    def _searched(cls, value: list[list[Component]], info: ValidationInfo) -> list[list[Component]]:
        for labels in itertools.chain(*(one.sources for one in itertools.chain(*value))):
            _check_labels(labels, info)
        return value

    @field_validator("budgets")
    @classmethod
    def _distinct_budgets(cls, value: list[BudgetSpec]) -> list[BudgetSpec]:
        _refuse_twins([str(spec.budget()) for spec in value])
        return value

    @field_validator("sources")
    @classmethod
    def _known(cls, value: tuple[Source, ...], info: ValidationInfo) -> tuple[Source, ...]:
        for labels in map(listed, value):
            _check_labels(labels, info)
        return value


def _check_labels(labels: Sequence[str], info: ValidationInfo) -> None:
    """See that what is searched on together are codecs of the suite."""
    known = [str(choice) for choice in itertools.chain(*info.data.get("codecs", []))]
    _refuse_twins(labels)
    if not labels:
        raise ValueError("an empty list names no codec")
    for label in (label for label in labels if label not in known):
        raise ValueError(f"no codec is labelled '{label}'; {nearest(label, known)}")


def _refuse_twins(labels: Sequence[str]) -> None:
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is listed twice")


def load_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        ConfigError: it cannot be read, or says something that is not allowed.
    """
    return load(path, Suite)
