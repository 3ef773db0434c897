"""What the board needs to know of a suite, as a run's manifest keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.budget import Budget
from bench.errors import StoreError
from bench.images.image_set import ImageSpec
from bench.registry.component_spec import ComponentSpec
from bench.store.run_folder import Run
from bench.suite.fields import BudgetSpec
from bench.suite.suite import Compute

_ERROR_BANDS = "error-bands"
"""Name of the metric that splits the coding error by frequency."""

_BIT_ERRORS = {"bit-errors": True, "bit-error-psnr": False}
"""Names of the metrics of damaged bitstreams, and whether each is the share that fails."""

_READING = frozenset({"codes-read", "words-read"})
"""Names of the metrics of what can still be read."""

_BIT_ERROR_RATE = 1e-4
"""Rate of the bit errors where a suite gives none."""

_GENERATIONS = {"generations": True, "generation-rate": False}
"""Names of the metrics of coding again, and whether each is the PSNR that is lost."""

_LAST_GENERATION = 10
"""Number of the last generation where a suite gives none."""

REFERENCE = "identity"
"""Name of the lossless codec, and its label where it was added to a suite that does not list it."""


@dataclass(frozen=True)
class Corruption:
    """One corruption, which is no attack.

    Attributes:
        kind: what is done to the picture.
        severity: how strongly, from 1.
    """

    kind: str
    severity: int


@dataclass(frozen=True)
class BitErrorMetric:
    """A metric of damaged bitstreams.

    Attributes:
        label: its label.
        rate: probability that a bit is wrong.
        is_share: whether it is the share that fails; otherwise it is the PSNR of the others.
    """

    label: str
    rate: float
    is_share: bool


@dataclass(frozen=True)
class GenerationMetric:
    """A metric of pictures that are coded again and again.

    Attributes:
        label: its label.
        count: number of the last generation.
        is_loss: whether it is the PSNR that is lost; otherwise it is the rate.
    """

    label: str
    count: int
    is_loss: bool


class SuiteInfo(BaseModel):
    """The fields of a suite that the board needs; see `bench.suite.suite.Suite`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str
    seed: int
    images: ImageSpec
    codecs: list[list[ComponentSpec]]
    attacks: list[list[ComponentSpec]]
    objectives: list[list[ComponentSpec]]
    budgets: list[BudgetSpec]
    sources: tuple[str | list[str], ...] = ()
    score: tuple[str, ...] = ()
    transfer: Literal["none", "gradient-free", "all"]
    transfer_from: tuple[str, ...] = ()
    rd_lambda: float
    compute: Compute = Compute()
    metrics: list[list[ComponentSpec]] = []
    resources: bool = False

    @property
    def balls(self) -> list[Budget]:
        """The budgets."""
        return [spec.budget() for spec in self.budgets]

    @property
    def all_attacks(self) -> list[ComponentSpec]:
        """The attacks, with grids expanded."""
        return list(chain.from_iterable(self.attacks))

    @property
    def all_objectives(self) -> list[ComponentSpec]:
        """The objectives of the suite, and those that single attacks use instead."""
        own = (choice.objectives for choice in self.all_attacks)
        return list({str(choice): choice for choice in chain(*self.objectives, *own)}.values())

    @property
    def corruptions(self) -> dict[str, Corruption]:
        """What each attack is if it makes corruptions, by label; records say which ones do."""
        return {str(choice): _corruption(choice) for choice in self.all_attacks}

    @property
    def error_bands(self) -> dict[str, str]:
        """The labels of the metrics that split the coding error by frequency, by their band."""
        metrics = chain.from_iterable(self.metrics)
        return {
            str(dict(choice.params)["band"]): str(choice)
            for choice in metrics
            if choice.name == _ERROR_BANDS
        }

    @property
    def bit_errors(self) -> list[BitErrorMetric]:
        """The metrics of damaged bitstreams."""
        return [
            BitErrorMetric(
                str(choice),
                float(dict(choice.params).get("rate", _BIT_ERROR_RATE)),
                _BIT_ERRORS[choice.name],
            )
            for choice in chain.from_iterable(self.metrics)
            if choice.name in _BIT_ERRORS
        ]

    @property
    def generations(self) -> list[GenerationMetric]:
        """The metrics of pictures that are coded again, by the number of the last generation."""
        metrics = (
            GenerationMetric(
                str(choice),
                int(dict(choice.params).get("count", _LAST_GENERATION)),
                _GENERATIONS[choice.name],
            )
            for choice in chain.from_iterable(self.metrics)
            if choice.name in _GENERATIONS
        )
        return sorted(metrics, key=lambda metric: metric.count)

    @property
    def reading(self) -> list[str]:
        """The labels of the metrics of what can still be read."""
        metrics = chain.from_iterable(self.metrics)
        return [str(choice) for choice in metrics if choice.name in _READING]

    @property
    def choices(self) -> dict[str, ComponentSpec]:
        """The operating points by label, including bare codecs and the lossless reference."""
        listed = {str(choice): choice for choice in chain.from_iterable(self.codecs)}
        bare = {str(choice.bare): choice.bare for choice in listed.values() if choice.defence}
        known = bare | listed
        return known if self._has_reference else known | {REFERENCE: ComponentSpec(REFERENCE)}

    @property
    def terms(self) -> str:
        """The settings that must be equal, besides the pictures, to compare rows of two runs."""
        searches = [
            [
                (spec.name, sorted(spec.params), spec.objectives, *spec.search_settings)
                for spec in specs
            ]
            for specs in (self.all_attacks, self.all_objectives)
        ]
        compute = self.compute.arithmetic
        transfer = (self.transfer, self.transfer_from)
        return repr((self.seed, searches, self.sources, transfer, self.rd_lambda, compute))

    def is_scored(self, label: str) -> bool:
        """Return whether an operating point is scored; the others are sources of transfer only."""
        if not self.score or label in self.score or label in self.references:
            return True
        defended = [self.choices[one] for one in self.score if self.choices[one].defence]
        choice = self.choices[label]
        return not choice.defence and any(choice.bare == one.bare for one in defended)

    @property
    def references(self) -> set[str]:
        """Labels of the operating points that are lossless references."""
        return {label for label, choice in self.choices.items() if _is_reference(choice)}

    @property
    def _has_reference(self) -> bool:
        return any(map(_is_reference, chain.from_iterable(self.codecs)))


def ensemble_of(label: str) -> str:
    """Return the ensemble of a member: "standard-2 cheap" of "standard-2 cheap: APGD".

    The labels of members are made this way; the label of another attack is returned as it is.
    """
    return label.partition(": ")[0]


def ensembles_of(run: Run) -> tuple[str, ...]:
    """Return the ensembles of a run, if all its searches that use a codec belong to ensembles."""
    searches = dict.fromkeys(craft.attack for craft in run.crafts.values() if craft.sources)
    labels = dict.fromkeys(map(ensemble_of, searches))
    return () if searches.keys() & labels.keys() else tuple(labels)


def _corruption(choice: ComponentSpec) -> Corruption:
    """Return kind and severity; without a whole number as severity every attack is a kind."""
    params = dict(choice.params)
    severity = params.get("severity", 1)
    if isinstance(severity, int):
        return Corruption(str(params.get("kind", choice)), severity)
    return Corruption(str(choice), 1)


def _is_reference(choice: ComponentSpec) -> bool:
    return choice.name == REFERENCE and not choice.defence


def setting(run: Run) -> SuiteInfo:
    """Return the suite that a run's manifest describes.

    Raises:
        StoreError: the suite cannot be read.
    """
    try:
        return SuiteInfo.model_validate(run.manifest.suite)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreError(
            f"cannot read '{where}' of the suite in {run.folder}/manifest.json; run the suite again"
            " with this version"
        ) from error
