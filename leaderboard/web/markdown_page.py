"""The published board in markdown, in the order of the page: example, plots, tables, the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from leaderboard.formatting import decibel, escaped, rate
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known
from leaderboard.publish.challenge import CHALLENGES, Challenge
from leaderboard.publish.entry import ARCHIVE, Entry, slug
from leaderboard.publish.published_board import ENTRIES, Challenged, Published
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, folded, legend, listing, table
from leaderboard.render.page import body
from leaderboard.render.plot import Plot
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web.codec_panels import LOST
from leaderboard.web.example import Example, example
from leaderboard.web.first_screen import COLUMNS, RankedList, ranked_lists
from leaderboard.web.html_page import PageContent

_TITLE = "# How robust are image codecs?"

LEAD = (
    "A barely visible change to a picture can spoil its decoded copy or multiply its file size. All"
    " figures are measured in real bytes. [index.html](index.html) shows the same with pictures to"
    " compare, one page for each codec, and every table."
)
"""The first paragraph, in markdown."""

_EMPTY = """\
# No entries yet

`bench publish RUN --to` this folder writes the first entry; see docs/publishing.md.
"""

_ADD = (
    "Is it true? `bench verify leaderboard` encodes the worst pictures of every entry again,"
    " `bench verify leaderboard/entries/TRACK/CODEC` all saved pictures of one. Do you know a"
    " stronger attack? `bench publish --challenge` adds your adversarial pictures. How to add your"
    " codec: [docs/publishing.md](../docs/publishing.md)."
)

_PROVENANCE = (
    "Every figure above comes from the files below and from nothing else. `bench verify` with the"
    " folder of an entry encodes its pictures again and compares the scores. With the folder of the"
    " board it checks that the pages are what the entries give."
)


def markdown_page(content: PageContent, plots: Sequence[Plot]) -> str:
    """Return the page.

    Args:
        content: what it shows.
        plots: the plots beside it.
    """
    if not content.entries:
        return _EMPTY
    blocks = [_TITLE, LEAD, *_first(content, plots), _ADD, *_rest(content, plots)]
    return "\n\n".join(blocks) + "\n"


def _first(content: PageContent, plots: Sequence[Plot]) -> Iterator[str]:
    names = content.names
    shown = example(content.entries, content.marked_names)
    if shown is not None:
        yield from _example(shown)
    found = ranked_lists(content.board, names)
    for track in dict.fromkeys((one.track, one.budget) for one in found):
        own = [one for one in found if (one.track, one.budget) == track]
        yield f"## {escaped(track[0])}, {escaped(track[1])}"
        yield from _plot(plots, own[0])
        for one in own:
            yield from _ranking(one)


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


def _plot(plots: Sequence[Plot], one: RankedList) -> Iterator[str]:
    for plot in plots:
        is_of_track = plot.about == "robustness" and one.track in plot.runs
        if is_of_track and plot.budget == one.budget:
            yield f"![{escaped(plot.caption)}]({plot.path})"


def _ranking(one: RankedList) -> Iterator[str]:
    """Yield the table of a list, and how sure it is."""
    yield f"### {escaped(one.how.capitalize())}"
    yield listing(COLUMNS, one.lines, intervals=False)
    lines = (one.trust, one.closest, f"R-D costs: {one.unit}.")
    yield escaped(" ".join(filter(None, lines)))


def _rest(content: PageContent, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield everything else, folded."""
    board = content.board
    yield from folded("What the columns mean", [legend(COLUMNS), words.budgets(board)])
    known = chain.from_iterable(_known(best) for best in content.best)
    yield from folded("Best known attacks", [KNOWN_MEANING, *known])
    tables = [listing(VERDICTS, verdicts(board)), *body(board, plots)]
    yield from folded("All tables, methods and terms", tables)
    entries = [*_entries(content.entries), *_challenges(content.challenges)]
    yield from folded("Entries and worst pictures", entries)


def _known(best: tuple[Comparison, list[Known]]) -> Iterator[str]:
    one, lines = best
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
