"""The published board in markdown, one page for each track: every table, its entries, its terms.

The front page (`markdown_page.py`) has the rankings of each track. In one file a board of several
tracks is larger than the 512,000 bytes at which GitHub cuts a README off (isaacs/github#1610).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from leaderboard.formatting import decibel, escaped, rate
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known
from leaderboard.publish.challenge import CHALLENGES, Challenge
from leaderboard.publish.entry import ARCHIVE, Entry, slug
from leaderboard.publish.published_board import ENTRIES, Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, listing, table
from leaderboard.render.page import body
from leaderboard.render.plot import Plot
from leaderboard.web.codec_panels import LOST
from leaderboard.web.html_page import PageContent

TRACKS = "tracks"
"""The folder of the pages, beside the front page."""

_PROVENANCE = (
    "Every figure above comes from the files below and from nothing else. `bench verify` with the"
    " folder of an entry encodes its pictures again and compares the scores. With the folder of the"
    " board it checks that the pages are what the entries give. [The leaderboard](../README.md) has"
    " the other tracks."
)


def path_of(track: str) -> str:
    """Return the path of the page of a track, relative to the front page."""
    return f"{TRACKS}/{track}.md"


def track_pages(content: PageContent, plots: Sequence[Plot]) -> dict[str, str]:
    """Return the page of each track, by its path.

    Args:
        content: what the board shows.
        plots: the plots beside its front page.
    """
    boards = {part.name: content.board.only(part) for part in content.board.parts}
    return {path_of(track): _page(track, one, content, plots) for track, one in boards.items()}


def _page(track: str, board: Board, content: PageContent, plots: Sequence[Plot]) -> str:
    beside = [replace(one, path=f"../{one.path}") for one in plots if track in one.runs]
    published = [one for one in content.entries if one.entry.track == track]
    submitted = [one for one in content.challenges if one.challenge.track == track]
    blocks = [
        f"# {escaped(track)}",
        *body(board, beside),
        *chain.from_iterable(_known(*best) for best in content.best if track in best[0].runs),
        *_entries(published),
        *_challenges(submitted),
    ]
    return "\n\n".join(blocks) + "\n"


def _known(one: Comparison, lines: Sequence[Known]) -> Iterator[str]:
    """Yield the section on the best known attacks at a budget."""
    yield f"## Best known attacks at {escaped(words.heading(one.budget))}"
    yield KNOWN_MEANING
    yield listing(KNOWN, lines)


def _challenges(challenged: Sequence[Challenged]) -> Iterator[str]:
    """Yield the section on submitted adversarial pictures."""
    if challenged:
        yield "## Submitted adversarial pictures"
        yield bullets(_challenge(one.challenge) for one in challenged)


def _challenge(one: Challenge) -> str:
    return (
        f"{escaped(one.by)}, on {escaped(one.published)}, against {escaped(one.codec)}:"
        f" {len(one.archive)} pictures"
        f" ({CHALLENGES}/{escaped(one.track)}/{one.slug}/{slug(one.by)})"
    )


def _entries(published: Sequence[Published]) -> Iterator[str]:
    """Yield the section that gives the origin of every line."""
    headers = ["codec", "published by", "on", "run started", "machine", "records and pictures"]
    yield "## Entries"
    yield _PROVENANCE
    yield table(headers, [False] * len(headers), (_line(one.entry) for one in published))
    yield "## The worst pictures"
    yield bullets(line for one in published for line in _worst(one.entry))


def _line(entry: Entry) -> list[str]:
    return [
        entry.codec,
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
