"""A board as a markdown page, of one list of columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from leaderboard.aggregate.flags import ADVICE, OTHERS_ADVICE
from leaderboard.columns.column import AnyColumn
from leaderboard.columns.columns import HEADLINES, RUN, columns
from leaderboard.formatting import escaped, plain
from leaderboard.ranking.board import Board, BoardRun, Table
from leaderboard.render import descriptions as words
from leaderboard.render import ranking_section as standings
from leaderboard.render.markdown import bullets, folded, table
from leaderboard.render.plots import Plot

LEAD = (
    "An attacker may change a picture a little before it is coded, by no more than a fixed budget."
    " How much worse is what comes out of the codec, and how much longer its bitstream? Every"
    " figure here is of real bitstreams that were decoded again. Each entry below carries the worst"
    " pictures, which bench verify codes again, and the records of all others, which a run of the"
    " track's suite makes again."
)
"""What the published board is, in markdown and plain text."""

METHOD = (
    "Every attacked picture stays inside a budget and has 8 bits a value. It is encoded to a real"
    " bitstream and decoded again; what comes out is compared with the source picture, from before"
    " the attack. The worst case of all attacks is taken for each picture, then the mean over the"
    " pictures. A lossless codec stands in every table as reference: what it loses is the change in"
    " the picture itself, and no fault of a codec. Operating points differ in bit rate: compare"
    " those of similar clean bpp."
)
"""What was done, in markdown."""

_WITH = (
    "Attacked through their own gradients",
    "The attacker knows the codec and follows its gradients.",
)
_WITHOUT = (
    "Without gradients",
    "These codecs offer no gradients. 'transfer' rows were given pictures made against the codecs"
    " that do, 'noise only' rows nothing but noise. Both are weaker than following a codec's own"
    " gradients: a small loss here does not show robustness, and these rows are not to be ranked"
    " with codecs attacked through theirs.",
)

_KEY = (
    "↑ higher is better for the codec, ↓ lower is better, – there is no such figure. PSNR is the"
    " peak signal-to-noise ratio in dB, bpp bits per pixel, MSE the mean squared error."
)


def markdown(board: Board, plots: Sequence[Plot] = ()) -> str:
    """Return the board as a page of its own.

    Args:
        board: what to show.
        plots: that stand beside the page.

    Returns:
        GitHub-flavoured markdown; labels, names and reasons are escaped.
    """
    blocks = [f"# {escaped(title(board))}", *body(board, plots)]
    return "\n\n".join(blocks) + "\n"


def body(board: Board, plots: Sequence[Plot]) -> list[str]:
    """Return the page without its title, in blocks of markdown."""
    return [
        *introduction(board),
        *settings(board),
        *standings.rankings(board, plots),
        *chain.from_iterable(_section(board, one) for one in board.tables),
        *standings.sweeps(plots),
        *standings.curves(board, plots),
        *explanations(board),
    ]


def introduction(board: Board) -> Iterator[str]:
    """Yield who lost most, and whether to believe it, in markdown."""
    yield from warnings(board)
    yield from _short(board)


def settings(board: Board) -> Iterator[str]:
    """Yield what was attacked, and how strongly, in markdown."""
    for part in board.parts:
        yield from _setting(part)


def explanations(board: Board) -> Iterator[str]:
    """Yield what columns and flags mean, what has no score, and what computed it, in markdown."""
    yield "## Columns"
    yield _KEY
    known = dict.fromkeys(column for one in board.tables for column in shown(one))
    yield bullets(f"**{escaped(column.title)}**: {column.meaning}." for column in known)
    yield from _flags(board)
    yield from _losses(board)
    for part in board.parts:
        yield from _made(part)


def title(board: Board) -> str:
    """Return what the board is called."""
    return " + ".join(plain(part.name) for part in board.parts) or "No runs"


def shown(one: Table) -> list[AnyColumn]:
    """Return the columns of a table: the main ones, and those in which a codec has a figure."""
    rows = [row for row in one.rows if not row.reference] or one.rows
    return [
        column
        for column in columns(one.rows)
        if (column.terminal or any(column.plain(row) is not None for row in rows))
        and (column is not RUN or len(one.runs) > 1)
    ]


def unfinished(board: Board) -> list[str]:
    """Return a sentence for every run that is not complete."""
    return [
        f"Unfinished: {part.done} of {part.manifest.cells} cells of {plain(part.name)} are"
        " measured; every figure of it may still change."
        for part in board.parts
        if not part.complete
    ]


def warnings(board: Board) -> Iterator[str]:
    """Yield what must be known before any row is read, in markdown."""
    for sentence in unfinished(board):
        yield f"**{escaped(sentence)}**"
    yield from standings.few_pictures(board)
    if board.has_suites:
        yield (
            "**Every table is of one suite: its pictures, attacks and settings. Figures of"
            " different suites do not compare.**"
        )


def _short(board: Board) -> Iterator[str]:
    """Yield what was done, who lost most, and whether to believe it."""
    if not board.parts:
        return
    yield "## In short"
    yield METHOD
    lost = (line for one in board.tables for line in _most(board, one))
    if told := bullets([*lost, *standings.leaders(board)]):
        yield told
    yield belief(board)


def belief(board: Board) -> str:
    """Return whether to believe it, in markdown."""
    rows = [row for row in board.rows if not row.reference]
    flagged = [row for row in rows if row.flags]
    names = Counter(name for row in flagged for name in {flag.name for flag in row.flags})
    named = ", ".join(f"{escaped(name)} ({count})" for name, count in names.most_common())
    return (
        f"**Whether to believe it:** {len(flagged)} of {len(rows)} rows carry a flag, which says"
        f" what may be wrong with them{f': {named}; see Flags' * bool(flagged)}. An attack shows"
        " how much a codec can be made to lose at least: a better one may always be found."
        f"{words.quick(board)}"
    )


def _setting(part: BoardRun) -> Iterator[str]:
    yield f"## What was attacked, and how strongly: {escaped(part.name)}"
    yield bullets(words.settings(part))


def _section(board: Board, one: Table) -> Iterator[str]:
    heading, explanation = heading_of(one)
    yield f"## At {escaped(words.where(board, one))}: {heading.lower()}"
    yield f"{explanation} Budget: {words.budget(one.budget)}."
    known = shown(one)
    yield _pipes(one, [column for column in known if column.terminal])
    yield from folded(
        "All columns, with 95 % intervals of the means", [_pipes(one, known, whole=True)]
    )


def heading_of(one: Table) -> tuple[str, str]:
    """Return the title of a table and what it means."""
    return _WITH if one.through_gradients else _WITHOUT


def _pipes(one: Table, chosen: Sequence[AnyColumn], *, whole: bool = False) -> str:
    return table(
        [escaped(column.title) for column in chosen],
        [column.format is not str for column in chosen],
        (
            [column.whole(row) if whole else column.text(row) for column in chosen]
            for row in one.rows
        ),
    )


def _most(board: Board, one: Table) -> Iterator[str]:
    """Say in words which codec of a table lost most."""
    told = []
    for column in HEADLINES:
        values = [(row, column.plain(row)) for row in one.rows if not row.reference]
        losses = [(value, row) for row, value in values if value is not None]
        if losses:
            _, loser = max(losses, key=lambda pair: pair[0])
            told.append(f"{column.header} {column.text(loser)} ({escaped(loser.place.codec)})")
    if told:
        heading = heading_of(one)[0].lower()
        yield (f"**Lost most**, {escaped(words.where(board, one))}, {heading}: {', '.join(told)}.")


def _flags(board: Board) -> Iterator[str]:
    names = dict.fromkeys(flag.name for row in board.rows for flag in row.flags)
    if names:
        yield "## Flags"
        yield bullets(f"**{escaped(name)}**: {ADVICE.get(name, OTHERS_ADVICE)}" for name in names)


def _losses(board: Board) -> Iterator[str]:
    told = dict.fromkeys(
        f"{escaped(row.place.codec)}, {escaped(words.where(board, one))}: {escaped(reason)}"
        for one in board.tables
        for row in one.rows
        for reason in row.losses.reasons
    )
    if told:
        yield "## What has no score of its own"
        yield bullets(told)


def _made(part: BoardRun) -> Iterator[str]:
    yield f"## Made with: {escaped(part.name)}"
    yield bullets(words.made_with(part))
