"""The sheets of worst adversarial pictures that runs have drawn, as pages show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.inspection.contact_sheet import description_of
from leaderboard.formatting import escaped

WORST = "worst.png"
"""Name of the sheet in a run folder."""


@dataclass(frozen=True)
class Sheet:
    """A sheet beside a page.

    Attributes:
        path: path of its file, relative to the page.
        png: the file.
        is_copy: whether the file of the page is a copy of that of the run.
    """

    path: str
    png: bytes
    is_copy: bool


def sheets_of(runs: Sequence[Path], page: Path, folder: str) -> list[Sheet]:
    """Return the sheets of run folders; runs without one are skipped.

    Args:
        runs: the run folders.
        page: the page that shows the sheets.
        folder: the folder beside the page that gets copies of sheets of other folders.
    """
    drawn = [run / WORST for run in runs if (run / WORST).is_file()]
    return [_sheet(path, page, folder, number) for number, path in enumerate(drawn, 1)]


def _sheet(path: Path, page: Path, folder: str, number: int) -> Sheet:
    is_copy = path.parent.resolve() != page.parent.resolve()
    relative = f"{folder}/worst-{number}.png" if is_copy else WORST
    return Sheet(relative, path.read_bytes(), is_copy)


def shown(sheets: Sequence[Sheet]) -> Iterator[str]:
    """Yield the sheets and what their rows show, in markdown."""
    for sheet in sheets:
        yield f"![The worst adversarial picture of each codec]({quote(sheet.path)})"
        yield "\n".join(_item(line) for line in description_of(sheet.png).splitlines())


def _item(line: str) -> str:
    """Return a numbered line as an item of a list."""
    number, _, text = line.partition(". ")
    return f"{escaped(number)}. {escaped(text)}"
