"""The pages of the published board, from its entries alone: README.md and index.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, ConfigError
from leaderboard.formatting import decibel, escaped, rate
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known, known
from leaderboard.publish.challenge import CHALLENGES
from leaderboard.publish.entry import ARCHIVE, Entry, slug
from leaderboard.publish.published_board import (
    ENTRIES,
    Challenged,
    Published,
    challenges,
    entries,
    runs,
)
from leaderboard.ranking.board import Board, build_board
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, listing, table
from leaderboard.render.page import LEAD, body
from leaderboard.render.plots import Plot, plots
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web.html_page import page as html_page

README, INDEX, PLOTS = "README.md", "index.html", "plots"

_TITLE = "# How robust are image codecs?"

_EMPTY = """\
# No entries yet

`bench publish RUN --to` this folder writes the first; see docs/publishing.md.
"""


@dataclass(frozen=True)
class _Site:
    """All that the pages are made of."""

    board: Board
    best: list[tuple[Comparison, list[Known]]]
    entries: list[Published]
    challenges: list[Challenged]
    plots: list[Plot]


def pages(folder: Path) -> dict[str, bytes]:
    """Return the pages that the entries of a published board give, by name.

    Raises:
        BenchError: an entry cannot be read, or two contradict each other.
    """
    return _pages(_site(folder))


def write(folder: Path) -> None:
    """Write the pages and the plots of a published board.

    Raises:
        BenchError: an entry cannot be read, the folder holds something else, or a page cannot be
            written.
    """
    _see_that_it_is_a_board(folder)
    site = _site(folder)
    content = _pages(site)
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for name, page in content.items():
            (folder / name).write_bytes(page)
        for plot in site.plots:
            (folder / plot.path).write_bytes(plot.svg)
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}; choose another --to") from error


def _see_that_it_is_a_board(folder: Path) -> None:
    """Refuse to write over the pages of something else."""
    readme = folder / README
    if readme.is_file() and not (folder / INDEX).is_file() and not (folder / ENTRIES).is_dir():
        raise ConfigError(f"{readme} is no page of a board; choose another --to")


def _site(folder: Path) -> _Site:
    found, handed_in = entries(folder), challenges(folder)
    made = build_board(runs(found))
    return _Site(made, known(made, found, handed_in), found, handed_in, plots(made, PLOTS))


def _pages(site: _Site) -> dict[str, bytes]:
    index = html_page(site.board, site.best, site.entries, site.challenges)
    return {README: _readme(site).encode(), INDEX: index.encode()}


def _readme(site: _Site) -> str:
    if not site.entries:
        return _EMPTY
    short = [_TITLE, LEAD, words.budgets(site.board), listing(VERDICTS, verdicts(site.board))]
    sections = (_known(site.best), _entries(site.entries), _challenges(site.challenges))
    return "\n\n".join([*short, *body(site.board, site.plots)]) + "\n" + "".join(sections)


def _known(best: Sequence[tuple[Comparison, list[Known]]]) -> str:
    """Return the section on the best known attacks."""
    blocks = ["", "## Best known attacks", KNOWN_MEANING]
    for one, lines in best:
        blocks += [f"### {', '.join(one.runs)}, {words.heading(one.budget)}", listing(KNOWN, lines)]
    return "\n\n".join(blocks) + "\n"


def _challenges(handed_in: Sequence[Challenged]) -> str:
    """Return the section that says who handed in pictures."""
    lines = (
        f"{escaped(told.by)}, on {escaped(told.published)}, against {escaped(told.codec)} on"
        f" {escaped(told.track)}: {len(told.archive)} pictures"
        f" ({CHALLENGES}/{escaped(told.track)}/{told.slug}/{slug(told.by)})"
        for told in (one.challenge for one in handed_in)
    )
    return f"\n## Pictures handed in\n\n{bullets(lines)}\n" * bool(handed_in)


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
    blocks = ["", "## Entries", told, lines, "## The worst pictures", worst]
    return "\n\n".join(blocks) + "\n"


def _line(entry: Entry) -> list[str]:
    return [
        entry.codec,
        entry.track,
        entry.by,
        entry.published,
        entry.started,
        ", ".join(f"{key} {value}" for key, value in entry.machine.items()),
        f"{ENTRIES}/{entry.track}/{entry.slug}, {ARCHIVE} {entry.files.get(ARCHIVE, 'none')[:12]}",
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
