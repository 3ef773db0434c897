"""The pages of the published board, from its entries alone.

README.md and index.html show all tracks, tracks/TRACK.md everything of one.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, ConfigError
from bench.utils.files import write_atomically
from leaderboard.publish.best_known import known
from leaderboard.publish.published_board import ENTRIES, challenges, entries, runs
from leaderboard.ranking.board import build_board
from leaderboard.render.plot import Plot
from leaderboard.render.plots import plots
from leaderboard.web.html_page import PageContent
from leaderboard.web.html_page import page as html_page
from leaderboard.web.markdown_page import markdown_page
from leaderboard.web.track_pages import TRACKS, path_of, track_pages

README, INDEX, PLOTS = "README.md", "index.html", "plots"

_FILE = re.compile(rf"\b(?:{PLOTS}/[\w.-]+\.svg|{TRACKS}/[\w.-]+\.md)")
"""A plot or the page of a track, as pages name them."""


@dataclass(frozen=True)
class _Site:
    """Everything that the pages show."""

    content: PageContent
    plots: list[Plot]


def pages(folder: Path) -> dict[str, bytes]:
    """Return the pages that the entries of a published board give, by name.

    Raises:
        BenchError: an entry cannot be read, or two entries contradict each other.
    """
    return _pages(_site(folder))


def write(folder: Path) -> None:
    """Write the pages and the plots of a published board.

    Raises:
        BenchError: an entry cannot be read, the folder is not a board, or a page cannot be written.
    """
    _require_board(folder)
    site = _site(folder)
    content = _pages(site)
    plots = {plot.path: plot.svg for plot in site.plots}
    former = _named_files(folder) - {*plots, *content}
    try:
        for own in (PLOTS, TRACKS):
            (folder / own).mkdir(parents=True, exist_ok=True)
        for name, page in {**plots, **content}.items():
            write_atomically(folder / name, page)
        for name in former:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}; choose another --to") from error


def unknown_track_pages(folder: Path, known: Container[str]) -> list[Path]:
    """Return the pages of tracks in the folder of a board that its entries do not give.

    Args:
        folder: the board.
        known: the names of the pages that they give.
    """
    found = sorted(folder.glob(path_of("*")))
    return [path for path in found if path.relative_to(folder).as_posix() not in known]


def _named_files(folder: Path) -> set[str]:
    """Return the plots and pages of tracks that the pages in a folder name.

    Other files in these folders are not the board's, and stay.
    """
    named = _named(folder / README)
    return named.union(*(_named(folder / name) for name in named if name.endswith(".md")))


def _named(page: Path) -> set[str]:
    if not page.is_file():
        return set()
    return set(_FILE.findall(page.read_text(encoding="utf-8", errors="replace")))


def _require_board(folder: Path) -> None:
    """Refuse to overwrite the README of another folder."""
    readme = folder / README
    if readme.is_file() and not (folder / INDEX).is_file() and not (folder / ENTRIES).is_dir():
        raise ConfigError(f"{readme} is no page of a board; choose another --to")


def _site(folder: Path) -> _Site:
    published, challenged = entries(folder), challenges(folder)
    board = build_board(runs(published))
    best = known(board, published, challenged)
    return _Site(PageContent(board, best, published, challenged), plots(board, PLOTS))


def _pages(site: _Site) -> dict[str, bytes]:
    return {
        README: markdown_page(site.content, site.plots).encode(),
        INDEX: html_page(site.content).encode(),
        **{name: page.encode() for name, page in track_pages(site.content, site.plots).items()},
    }
