"""What doubting a run finds: what is wrong, what is as recorded, what could not be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bench.planning.jobs import MeasureJob


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was recorded: where it stands, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Checked:
    """One cell that was coded again and gave what its record says.

    Attributes:
        cell: which.
        exactly: to the last digit, and not only within the tolerances of `bench.verify.tolerances`.
    """

    cell: MeasureJob
    exactly: bool


@dataclass(frozen=True)
class Skipped:
    """What could not be checked on this machine, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(frozen=True)
class NotReencoded:
    """One cell that was not coded again, so that its scores are taken on trust, and why."""

    cell: MeasureJob
    why: str


Event: TypeAlias = Finding | Checked | Skipped | NotReencoded


@dataclass(frozen=True)
class SavedPictures:
    """The saved adversarial pictures.

    Attributes:
        place: where they are, as findings call it.
        read: from the key of a search to the bytes of its PNG; None if it is not there.
        is_whole: whether every picture must be there.
    """

    place: str
    read: Callable[[str], bytes | None]
    is_whole: bool = True
