"""The published board in markdown, in the order of the page: example, plots, one table for a track.

Everything else is folded, or on the page of its track (`track_pages.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from urllib.parse import quote

from leaderboard.formatting import escaped, plain
from leaderboard.publish.best_known import KNOWN_MEANING, Known
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.corruption_section import CORRUPTED, overview
from leaderboard.render.markdown import folded, legend, listing, table
from leaderboard.render.plot import Plot
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web.best_known_table import best_known
from leaderboard.web.example import Example, example
from leaderboard.web.first_screen import COLUMNS, RankedList, ranked_lists
from leaderboard.web.html_page import PageContent
from leaderboard.web.track_pages import path_of

_TITLE = "# How robust are image codecs?"

LEAD = (
    "A barely visible change to a picture can spoil its decoded copy or multiply its file size."
    " All figures come from real bitstreams. [index.html](index.html) shows the same with pictures"
    " to compare, one page for each codec, and every table."
)
"""The first paragraph, in markdown."""

_EMPTY = """\
# No entries yet

`bench publish RUN --to` this folder writes the first entry; see docs/publishing.md.
"""

_ADD = (
    "## Check it, attack it, add a codec\n\n"
    "Is it true? `bench verify leaderboard` encodes the worst pictures of every entry again,"
    " `bench verify leaderboard/entries/TRACK/CODEC` all saved pictures of one. Do you know a"
    " stronger attack? `bench publish --challenge` adds your adversarial pictures. How to add your"
    " codec: [docs/publishing.md](../docs/publishing.md). What words mean:"
    " [docs/glossary.md](../docs/glossary.md)."
)


def markdown_page(content: PageContent, plots: Sequence[Plot]) -> str:
    """Return the page.

    Args:
        content: what it shows.
        plots: the plots beside it.
    """
    if not content.entries:
        return _EMPTY
    blocks = [_TITLE, LEAD, *_first(content, plots), _ADD, *_rest(content)]
    return "\n\n".join(blocks) + "\n"


def _first(content: PageContent, plots: Sequence[Plot]) -> Iterator[str]:
    names = content.names
    shown = example(content.entries, content.marked_names)
    if shown is not None:
        yield from _example(shown)
    lists = ranked_lists(content.board, names)
    for compared in content.board.comparisons:
        (track,), budget = compared.runs, words.heading(compared.budget)
        (suite,) = (part.suite for part in content.board.parts if part.name == track)
        own = [one for one in lists if (one.track, one.budget) == (plain(track), budget)]
        yield f"## {escaped(track if compared.corrupted else words.place(compared))}"
        if suite.description:
            yield escaped(suite.description)
        yield from _plot(plots, compared)
        for one in own:
            yield from _ranking(one)
        if compared.corrupted:
            yield CORRUPTED
            yield from overview(compared, plots, names)
        yield (
            f"[All of {escaped(track)}]({quote(path_of(track))}): every column with its intervals,"
            " what was attacked and how, each attack on each codec, entries, worst pictures."
        )


def _example(shown: Example) -> Iterator[str]:
    pictures = " | ".join(
        f'<img src="{path}" width="180" alt="{text}">' for text, path, _ in shown.images
    )
    texts = [text for text, _, _ in shown.images]
    texts[2] += f": {shown.before} dB"
    texts[3] += f": {shown.after} dB"
    rows = [" | ".join(texts), " | ".join(["---"] * len(texts)), pictures]
    yield "\n".join(f"| {row} |" for row in rows)
    yield (
        f"{escaped(shown.codec)} at {escaped(shown.budget)} ({escaped(shown.track)}): the largest"
        " PSNR drop on one picture."
    )


def _plot(plots: Sequence[Plot], one: Comparison) -> Iterator[str]:
    for plot in plots:
        if (plot.about, plot.runs, plot.budget) == ("robustness", one.runs, str(one.budget)):
            yield f"![{escaped(plot.caption)}]({plot.path})"


def _ranking(one: RankedList) -> Iterator[str]:
    """Yield the table of a list, and how sure it is."""
    yield f"### {escaped(one.how.capitalize())}"
    yield listing(COLUMNS, one.lines, intervals=False)
    lines = (one.trust, one.closest, f"R-D costs: {one.unit}.")
    yield escaped(" ".join(filter(None, lines)))


def _rest(content: PageContent) -> Iterator[str]:
    """Yield everything else, folded."""
    board = content.board
    yield from folded("What the columns mean", [legend(COLUMNS), words.budgets(board)])
    known = chain.from_iterable(_known(*best, content.names) for best in content.best)
    yield from folded("Best known attacks", [KNOWN_MEANING, *known])
    yield from folded("Every track in one line", [listing(VERDICTS, verdicts(board))])


def _known(one: Comparison, lines: Sequence[Known], names: Mapping[str, str]) -> Iterator[str]:
    """Yield the best known attacks of a track in brief; its page has the attacks by name."""
    headers = ["codec", "PSNR drop dB ↓", "found by", "rate increase ↓", "found by"]
    yield f"### {escaped(words.place(one))}"
    yield table(
        headers,
        [False, True, False, True, False],
        (
            [line.codec, line.psnr, line.psnr_by, line.rate, line.rate_by]
            for line in best_known([(one, lines)], names)
        ),
    )
