"""The pages of the published board, from its entries alone.

README.md and index.html show all tracks, tracks/TRACK.md everything of one.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from leaderboard.web.track_pages import TRACKS, track_pages

README, INDEX, PLOTS = "README.md", "index.html", "plots"

TRACK_PAGES = f"{TRACKS}/*.md"
"""The pages of all tracks, relative to the board."""


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
    try:
        for own in (PLOTS, TRACKS):
            (folder / own).mkdir(parents=True, exist_ok=True)
        for name, page in {**plots, **content}.items():
            write_atomically(folder / name, page)
        for path in [
            *others(folder, f"{PLOTS}/*.svg", plots),
            *others(folder, TRACK_PAGES, content),
        ]:
            path.unlink()
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}; choose another --to") from error


def others(folder: Path, pattern: str, names: Iterable[str]) -> list[Path]:
    """Return the files of a board that are none of its pages or plots: those of former tracks.

    Args:
        folder: the board.
        pattern: which files.
        names: the paths of its pages and plots, relative to it.
    """
    return sorted({*folder.glob(pattern)} - {folder / name for name in names})


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
