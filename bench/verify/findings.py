"""Results of verifying a run: contradictions, confirmed evaluations, and what was not checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bench.errors import BenchError, MissingPackageError, MissingPicturesError, one_line

if TYPE_CHECKING:
    from bench.planning.jobs import MeasureJob


@dataclass(frozen=True)
class Finding:
    """A contradiction.

    Attributes:
        where: the file, or the record in it.
        what: what is wrong there, in one clause.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Checked:
    """An evaluation that was repeated and gave the scores of its record.

    Attributes:
        cell: the evaluation.
        exactly: whether the scores are equal to the last digit, not only within the tolerances of
            `bench.verify.tolerances`.
    """

    cell: MeasureJob
    exactly: bool


@dataclass(frozen=True)
class Skipped:
    """A check that is not possible on this machine.

    Attributes:
        what: the subject, such as a codec's label.
        why: the reason, in one clause.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(frozen=True)
class NotReencoded:
    """An evaluation that was not repeated; its scores are only tested for consistency.

    Attributes:
        cell: the evaluation.
        why: the reason, in one clause.
    """

    cell: MeasureJob
    why: str


@dataclass(frozen=True)
class NotChecked:
    """A run, entry or challenge that cannot be checked: its pictures or packages are not here.

    Attributes:
        what: its file.
        why: the reason and the remedy, in one clause.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


Event: TypeAlias = Finding | Checked | Skipped | NotReencoded | NotChecked


def not_replanned(where: str, error: BenchError) -> Finding | NotChecked:
    """Return what it means that a run cannot be planned again: what is missing here is no fault."""
    missing = MissingPicturesError, MissingPackageError
    kind = NotChecked if isinstance(error, missing) else Finding
    return kind(where, one_line(error))


@dataclass(frozen=True)
class SavedPictures:
    """The saved adversarial pictures of a run.

    Attributes:
        place: folder or archive of the pictures, as findings name it.
        read: from the key of a search to the bytes of its PNG; None if the file does not exist.
        is_whole: whether every picture must exist.
    """

    place: str
    read: Callable[[str], bytes | None]
    is_whole: bool = True
