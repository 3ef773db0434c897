"""The pages of the published board, README.md and index.html, from its entries alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, ConfigError
from bench.utils.files import write_atomically
from leaderboard.formatting import decibel, escaped, rate
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known, known
from leaderboard.publish.challenge import CHALLENGES, Challenge
from leaderboard.publish.entry import ARCHIVE, Entry, slug
from leaderboard.publish.published_board import (
    ENTRIES,
    Challenged,
    Published,
    challenges,
    entries,
    runs,
)
from leaderboard.ranking.board import build_board
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, listing, table
from leaderboard.render.page import LEAD, body
from leaderboard.render.plot import Plot
from leaderboard.render.plots import plots
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web.html_page import LOST, PageContent
from leaderboard.web.html_page import page as html_page

README, INDEX, PLOTS = "README.md", "index.html", "plots"

_TITLE = "# How robust are image codecs?"

_EMPTY = """\
# No entries yet

`bench publish RUN --to` this folder writes the first entry; see docs/publishing.md.
"""

_PROVENANCE = (
    "Every figure above comes from the files below and from nothing else. `bench verify` with the"
    " folder of an entry encodes its pictures again and compares the scores. With the folder of the"
    " board it checks that the pages are what the entries give."
)


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
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for plot in site.plots:
            write_atomically(folder / plot.path, plot.svg)
        for name, page in content.items():
            write_atomically(folder / name, page)
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}; choose another --to") from error


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
    return {README: _readme(site).encode(), INDEX: html_page(site.content).encode()}


def _readme(site: _Site) -> str:
    content, board = site.content, site.content.board
    if not content.entries:
        return _EMPTY
    blocks = [
        *(_TITLE, LEAD, words.budgets(board), listing(VERDICTS, verdicts(board))),
        *body(board, site.plots),
        *_known(content.best),
        *_entries(content.entries),
        *_challenges(content.challenges),
    ]
    return "\n\n".join(blocks) + "\n"


def _known(best: Sequence[tuple[Comparison, list[Known]]]) -> Iterator[str]:
    """Yield the section on the best known attacks."""
    yield "## Best known attacks"
    yield KNOWN_MEANING
    for one, lines in best:
        yield f"### {', '.join(one.runs)}, {words.heading(one.budget)}"
        yield listing(KNOWN, lines)


def _challenges(challenged: Sequence[Challenged]) -> Iterator[str]:
    """Yield the section on submitted adversarial pictures."""
    if challenged:
        yield "## Submitted adversarial pictures"
        yield bullets(_challenge(one.challenge) for one in challenged)


def _challenge(one: Challenge) -> str:
    track = escaped(one.track)
    return (
        f"{escaped(one.by)}, on {escaped(one.published)}, against {escaped(one.codec)} on {track}:"
        f" {len(one.archive)} pictures ({CHALLENGES}/{track}/{one.slug}/{slug(one.by)})"
    )


def _entries(published: Sequence[Published]) -> Iterator[str]:
    """Yield the section that gives the origin of every line."""
    headers = ["codec", "track", "published by", "on", "run on", "machine", "records and pictures"]
    yield "## Entries"
    yield _PROVENANCE
    yield table(headers, [False] * len(headers), (_line(one.entry) for one in published))
    yield "## The worst pictures"
    yield bullets(line for one in published for line in _worst(one.entry))


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
    """Yield the worst pictures of a codec, in words."""
    for worst in entry.worst:
        if worst.views:
            yield (
                f"{escaped(worst.codec)}, {escaped(worst.budget)}, {LOST[worst.lost]}:"
                f" {escaped(worst.picture)} by {escaped(worst.attack)},"
                f" {decibel(worst.psnr_clean)} to {decibel(worst.psnr_source)} dB,"
                f" {rate(worst.bpp_clean)} to {rate(worst.bpp)} bpp"
                f" (adversarial/{escaped(worst.craft)}.png in its archive)"
            )
