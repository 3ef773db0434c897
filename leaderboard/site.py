"""The pages of the published board, from its entries alone: README.md and index.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.errors import BenchError
from leaderboard.aggregate import board
from leaderboard.entry import ARCHIVE, Entry
from leaderboard.formats import decibel, escaped, rate
from leaderboard.html import page as html_page
from leaderboard.markup import bullets, table
from leaderboard.page import markdown
from leaderboard.plots import plots
from leaderboard.published import ENTRIES, Published, entries, runs

README, INDEX, PLOTS = "README.md", "index.html", "plots"


def pages(folder: Path) -> dict[str, bytes]:
    """Return the pages that the entries of a published board give, by name.

    Raises:
        BenchError: an entry cannot be read, or two contradict each other.
    """
    found = entries(folder)
    made = board(runs(found))
    return {
        README: (markdown(made, plots(made, PLOTS)) + _entries(found)).encode(),
        INDEX: html_page(made, found).encode(),
    }


def write(folder: Path) -> None:
    """Write the pages and the plots of a published board.

    Raises:
        BenchError: an entry cannot be read, or a page cannot be written.
    """
    content = pages(folder)
    drawn = plots(board(runs(entries(folder))), PLOTS)
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for name, page in content.items():
            (folder / name).write_bytes(page)
        for plot in drawn:
            (folder / plot.path).write_bytes(plot.svg)
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}; choose another --to") from error


def _entries(found: Sequence[Published]) -> str:
    """Return the section that says where every line comes from."""
    headers = ["codec", "track", "published by", "on", "run on", "machine", "records and pictures"]
    told = (
        "Every line above is made of the files below and of nothing else: `bench verify` with the"
        " folder of an entry codes its pictures again and compares, with the folder of the board"
        " it shows that the pages are what the entries give."
    )
    lines = table(headers, [False] * len(headers), (_line(one.entry) for one in found))
    worst = bullets(line for one in found for line in _worst(one.entry))
    blocks = ["", "## Entries", told, lines, "## The worst pictures", worst] if found else []
    return "\n\n".join(blocks) + "\n" * bool(blocks)


def _line(entry: Entry) -> list[str]:
    return [
        entry.codec,
        entry.track,
        entry.by,
        entry.published,
        entry.started,
        ", ".join(f"{key} {value}" for key, value in entry.machine.items()),
        f"{ENTRIES}/{entry.track}/{entry.slug}, {ARCHIVE} {entry.files[ARCHIVE][:12]}",
    ]


def _worst(entry: Entry) -> Iterator[str]:
    """Yield which pictures hurt a codec most, in words."""
    for one in entry.worst:
        if one.views:
            yield (
                f"{escaped(one.codec)}, {escaped(one.budget)}, lost most {one.lost}:"
                f" {escaped(one.picture)} by {escaped(one.attack)},"
                f" {decibel(one.psnr_clean)} to {decibel(one.psnr_source)} dB,"
                f" {rate(one.bpp_clean)} to {rate(one.bpp)} bpp"
                f" (adversarial/{escaped(one.craft)}.png in its archive)"
            )
