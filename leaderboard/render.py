"""A board as a markdown page and as tables for the terminal, of one list of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from leaderboard import words
from leaderboard.aggregate import Board, Part, Table
from leaderboard.columns import COLUMNS, HEADLINES, RUN, AnyColumn
from leaderboard.flags import ADVICE, OTHERS_ADVICE
from leaderboard.formats import escaped, plain
from leaderboard.rows import Row

_METHOD = (
    "Every attacked picture stays inside a budget and has 8 bits a value. It is encoded to a real"
    " bitstream and decoded again; what comes out is compared with the source picture, from before"
    " the attack. The worst case of all attacks is taken for each picture, then the mean over the"
    " pictures. A lossless codec stands in every table as reference: what it loses is the change in"
    " the picture itself, and no fault of a codec. Operating points differ in bit rate: compare"
    " those of similar clean bpp."
)

_WITH = (
    "Attacked through their own gradients",
    "The attacker knows the codec and follows its gradients.",
)
_WITHOUT = (
    "Without gradients",
    "These codecs offer no gradients. 'black-box' rows were searched by coding pictures again and"
    " again, 'transfer' rows were given pictures made against the codecs with gradients, 'noise"
    " only' rows nothing but noise. All are weaker than following a codec's own"
    " gradients: a small loss here does not show robustness, and these rows are not to be ranked"
    " with codecs attacked through theirs.",
)

_KEY = (
    "↑ higher is better for the codec, ↓ lower is better, – there is no such figure. PSNR is the"
    " peak signal-to-noise ratio in dB, bpp bits per pixel, MSE the mean squared error."
)

_CAPTION = (
    "The worst case of each picture, then the mean; more, and what it means, in the markdown."
)

_WORD = 18
"""Characters up to which no word of a label or flag is broken on the terminal."""


def markdown(board: Board) -> str:
    """Return the board as a page of its own.

    Returns:
        GitHub-flavoured markdown; labels, names and reasons are escaped.
    """
    blocks = [
        f"# {escaped(_title(board))}",
        *_warnings(board),
        _METHOD,
        *chain.from_iterable(_setting(part) for part in board.parts),
        *chain.from_iterable(_section(board, table) for table in board.tables),
        "## Columns",
        _KEY,
        _bullets(f"**{column.title}**: {column.meaning}." for column in _columns(board)),
        *_flags(board),
        *_losses(board),
        *chain.from_iterable(_made(part) for part in board.parts),
    ]
    return "\n\n".join(blocks) + "\n"


def tables(board: Board) -> list[Grid]:
    """Return the board as tables for a terminal of 120 columns."""
    columns = [column for column in _columns(board) if column.terminal]
    return [_grid(board, table, columns) for table in board.tables]


def _title(board: Board) -> str:
    return " + ".join(plain(part.name) for part in board.parts) or "No runs"


def _columns(board: Board) -> list[AnyColumn]:
    return [column for column in COLUMNS if len(board.parts) > 1 or column is not RUN]


def _unfinished(board: Board) -> list[str]:
    return [
        f"Unfinished: {part.done} of {part.manifest.cells} cells of {plain(part.name)} are"
        " measured; every figure of it may still change."
        for part in board.parts
        if not part.complete
    ]


def _warnings(board: Board) -> Iterator[str]:
    for sentence in _unfinished(board):
        yield f"**{escaped(sentence)}**"
    if not board.same_pictures:
        yield "**The runs used different pictures: do not compare rows of different runs.**"
    if not board.same_cost:
        yield "**The runs weigh the R-D cost differently: do not compare it between runs.**"


def _setting(part: Part) -> Iterator[str]:
    yield f"## What was attacked, and how strongly: {escaped(part.name)}"
    yield _bullets(words.settings(part))


def _section(board: Board, table: Table) -> Iterator[str]:
    heading, explanation = _WITH if table.through_gradients else _WITHOUT
    yield f"## Budget {escaped(words.heading(table.budget))}: {heading.lower()}"
    yield f"{explanation} Budget: {words.budget(table.budget)}."
    columns = _columns(board)
    yield _pipes(table, [column for column in columns if column.terminal])
    if board.same_pictures and board.same_cost:
        yield from _most(table.rows)
    yield "<details><summary>All columns</summary>"
    yield _pipes(table, columns)
    yield "</details>"


def _pipes(table: Table, columns: Sequence[AnyColumn]) -> str:
    return "\n".join(
        _line(cells)
        for cells in (
            [column.title for column in columns],
            ["---" if column.format is str else "---:" for column in columns],
            *([escaped(column.text(row)) for column in columns] for row in table.rows),
        )
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _most(rows: Sequence[Row]) -> Iterator[str]:
    """Say in words which codec lost most."""
    told = []
    for column in HEADLINES:
        values = {row: column.value(row) for row in rows if not row.reference}
        losses = {row: value for row, value in values.items() if value is not None}
        if losses:
            loser = max(losses, key=losses.__getitem__)
            told.append(f"{column.header} {column.text(loser)} ({escaped(loser.place.codec)})")
    if told:
        yield f"**Lost most:** {', '.join(told)}."


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _flags(board: Board) -> Iterator[str]:
    names = dict.fromkeys(flag.name for row in board.rows for flag in row.flags)
    if names:
        yield "## Flags"
        yield _bullets(f"**{escaped(name)}**: {ADVICE.get(name, OTHERS_ADVICE)}" for name in names)


def _losses(board: Board) -> Iterator[str]:
    headings = {str(ball): words.heading(ball) for ball in board.budgets}
    told = [
        f"{escaped(row.place.codec)}, {escaped(headings[row.place.budget])}: {escaped(reason)}"
        for row in board.rows
        for reason in row.losses.reasons
    ]
    if told:
        yield "## What has no score of its own"
        yield _bullets(told)


def _made(part: Part) -> Iterator[str]:
    yield f"## Made with: {escaped(part.name)}"
    yield _bullets(words.made_with(part))


def _grid(board: Board, table: Table, columns: Sequence[AnyColumn]) -> Grid:
    heading, _ = _WITH if table.through_gradients else _WITHOUT
    grid = Grid(
        title=Text(
            f"{_title(board)}, {words.heading(table.budget)}: {heading.lower()}", style="bold"
        ),
        caption=Text("\n".join([*_unfinished(board), _CAPTION])),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    for column in columns:
        _add(grid, column, [plain(column.text(row)) for row in table.rows])
    for row in table.rows:
        grid.add_row(*(Text(plain(column.text(row))) for column in columns))
    return grid


def _add(grid: Grid, column: AnyColumn, cells: Sequence[str]) -> None:
    """Add a column; figures are never cut, words only where they are very long."""
    is_text = column.format is str
    words_in = column.title.split() + list(chain.from_iterable(map(str.split, cells)))
    widest = max(map(len, words_in))
    grid.add_column(
        Text(column.title),
        justify="left" if is_text else "right",
        overflow="fold",
        width=None if is_text else widest,
        min_width=min(widest, _WORD),
    )
