"""What the board tells of a suite, as a run's manifest keeps it."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.budget import Budget
from bench.errors import StoreError
from bench.images.image_set import ImageSpec
from bench.registry.registry import ComponentSpec
from bench.store.run_folder import Run
from bench.suite.fields import BudgetSpec
from bench.suite.suite import Compute

REFERENCE = "identity"
"""Name of the lossless codec, and its label where it was added to a suite that does not list it."""


class SuiteInfo(BaseModel):
    """What the board tells of a suite, as the manifest keeps it; see `bench.suite.suite.Suite`."""

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
    def searches(self) -> list[ComponentSpec]:
        """The attacks, grids expanded."""
        return list(chain.from_iterable(self.attacks))

    @property
    def wants(self) -> list[ComponentSpec]:
        """The objectives, and what some attacks want in their place."""
        own = (choice.objectives for choice in self.searches)
        return list({str(choice): choice for choice in chain(*self.objectives, *own)}.values())

    @property
    def choices(self) -> dict[str, ComponentSpec]:
        """The operating points by label, the lossless one and those without defences among them."""
        listed = {str(choice): choice for choice in chain.from_iterable(self.codecs)}
        bare = {str(choice.bare): choice.bare for choice in listed.values() if choice.defence}
        known = bare | listed
        return known if self._has_reference else known | {REFERENCE: ComponentSpec(REFERENCE)}

    @property
    def terms(self) -> str:
        """What runs must have in common for their rows to be compared, pictures apart."""
        searches = [
            [
                (one.name, sorted(one.params), one.objectives, one.transfer, one.sources)
                for one in listed
            ]
            for listed in (self.searches, self.wants)
        ]
        compute = self.compute.arithmetic
        return repr((self.seed, searches, self.sources, self.transfer, self.rd_lambda, compute))

    @property
    def references(self) -> set[str]:
        """Labels of the operating points that show the attacked pictures as they are."""
        return {label for label, choice in self.choices.items() if _is_reference(choice)}

    @property
    def _has_reference(self) -> bool:
        return any(map(_is_reference, chain.from_iterable(self.codecs)))


def _is_reference(choice: ComponentSpec) -> bool:
    return choice.name == REFERENCE and not choice.defence


def setting(run: Run) -> SuiteInfo:
    """Return what a run's manifest says of its suite.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return SuiteInfo.model_validate(run.manifest.suite)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreError(
            f"the suite in {run.folder}/manifest.json cannot be read at '{where}'; run it again"
            " with this version"
        ) from error
