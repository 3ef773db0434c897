"""What the board needs to know of a suite, as a run's manifest keeps it."""

from __future__ import annotations

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

REFERENCE = "identity"
"""Name of the lossless codec, and its label where it was added to a suite that does not list it."""


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
    transfer: Literal["none", "gradient-free", "all"]
    rd_lambda: float
    compute: Compute = Compute()
    metrics: list[list[ComponentSpec]] = []

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
        return repr((self.seed, searches, self.sources, self.transfer, self.rd_lambda, compute))

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
