"""A board as a markdown page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from leaderboard.aggregate.rows import NOISE_ONLY, UNATTACKED, Row
from leaderboard.columns.clean_columns import as_measured
from leaderboard.columns.columns import HEADLINES, RUN, RowColumn, columns
from leaderboard.columns.terms import flag_meaning, flag_name, threat_meaning, threat_text
from leaderboard.formatting import escaped, plain
from leaderboard.ranking.board import Board, Table
from leaderboard.render import corruption_section, ranking_section, suite_in_words
from leaderboard.render import descriptions as words
from leaderboard.render.axes.section import sections
from leaderboard.render.markdown import bullets, folded, legend, listing
from leaderboard.render.plot import Plot
from leaderboard.render.run_page.coding_times import coding_times

METHOD = (
    "Every adversarial picture lies inside its budget and has 8 bits per value. It is encoded to a"
    " real bitstream and decoded. The reconstruction is compared with the source picture, before"
    " the attack. Each figure is the worst case over all attacks for each picture, then the mean"
    " over the pictures. The lossless codec `identity` is the reference: its loss is the"
    " perturbation itself, without any coding error. Operating points differ in rate: compare those"
    " of similar clean bpp."
)
"""How figures were obtained, in markdown."""

SUITES_DIFFER = (
    "**Every table belongs to one suite: its pictures, attacks and settings. Figures of different"
    " suites are not comparable.**"
)
"""The warning of a board of several suites, in markdown."""

_WITH = (
    "Attacked through their own gradients",
    "The attacker knows the codec and follows its gradients (white-box).",
)
_WITHOUT = "Without gradients"
_WEAKER = (
    "These codecs were attacked without their gradients.{threats} Such attacks are weaker than one"
    " through the codec's own gradients: a small loss here does not show robustness, and these rows"
    " are not comparable with rows of codecs attacked through their gradients."
)

_NOT_ATTACKED = (
    "Not attacked",
    "No attack, only corrupted pictures, which have a section of their own. The figures here are"
    " those of the source pictures.",
)

_KEY = (
    "↑ higher is better for the codec, ↓ lower is better, – there is no such figure. PSNR is the"
    " peak signal-to-noise ratio in dB, bpp is bits per pixel, MSE is the mean squared error. ×"
    " marks a factor."
)

_NAMED = ", which says what may be wrong with them (see Flags): "

_COUNTS = (
    "The numbers in brackets are how many searches or pictures the flag applies to, and how many"
    " were checked."
)


def markdown(board: Board, plots: Sequence[Plot] = ()) -> str:
    """Return the board as a page of its own.

    Args:
        board: what to show.
        plots: the plots beside the page.

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
        *ranking_section.rankings(board, plots),
        *ranking_section.attacks(board),
        *chain.from_iterable(_section(board, table) for table in board.tables),
        *ranking_section.sweeps(plots),
        *ranking_section.curves(board, plots),
        *ranking_section.smallest(board, plots),
        *corruption_section.section(board, plots),
        *sections(board, plots),
        *explanations(board),
        *_coding_times(board),
    ]


def introduction(board: Board) -> Iterator[str]:
    """Yield warnings, the largest effects and the caveats, in markdown."""
    yield from warnings(board)
    yield from _short(board)


def settings(board: Board) -> Iterator[str]:
    """Yield what was attacked, how and with which budgets, in markdown."""
    for part in board.parts:
        yield f"## What was attacked, and how: {escaped(part.name)}"
        yield bullets([*suite_in_words.settings(part), *corruption_section.settings(part)])


def explanations(board: Board) -> Iterator[str]:
    """Yield the meaning of columns and flags, what has no score, and versions, in markdown."""
    yield "## Columns"
    yield _KEY
    known = dict.fromkeys(column for table in board.tables for column in shown(table))
    yield legend(known if board.times_in_records else as_measured(known))
    yield from _flags(board)
    yield from _losses(board)
    for part in board.parts:
        yield f"## Made with: {escaped(part.name)}"
        yield bullets(suite_in_words.made_with(part))


def _coding_times(board: Board) -> Iterator[str]:
    if blocks := list(coding_times(board)):
        yield "## Coding times"
        yield from blocks


def title(board: Board) -> str:
    """Return the title of the board."""
    return " + ".join(plain(part.name) for part in board.parts) or "No runs"


def shown(table: Table) -> list[RowColumn]:
    """Return the columns of a table: the main ones, and those in which a codec has a figure."""
    rows = [row for row in table.rows if not row.reference] or table.rows
    return [
        column
        for column in columns(table.rows)
        if (column.is_main or any(column.plain(row) is not None for row in rows))
        and (column is not RUN or len(table.runs) > 1)
    ]


def unfinished(board: Board) -> list[str]:
    """Return a sentence for every run that is not complete."""
    return [
        f"Unfinished: {part.done} of {part.manifest.cells} evaluations of {plain(part.name)} are"
        " done; every figure of this run may still change."
        for part in board.parts
        if not part.complete
    ]


def warnings(board: Board) -> Iterator[str]:
    """Yield what a reader must know before any row, in markdown."""
    for sentence in unfinished(board):
        yield f"**{escaped(sentence)}**"
    yield from ranking_section.few_pictures(board)
    yield from ranking_section.single_starts(board)
    if board.has_suites:
        yield SUITES_DIFFER


def caveats(board: Board) -> str:
    """Return the caveats of a board, in markdown."""
    rows = [row for row in board.rows if not row.reference]
    flagged = [row for row in rows if row.flags]
    names = Counter(name for row in flagged for name in {flag.name for flag in row.flags})
    listed = ", ".join(
        f"{escaped(flag_name(name))} ({count})" for name, count in names.most_common()
    )
    return (
        f"**Caveats:** {len(flagged)} of {len(rows)} rows carry a flag{_NAMED * bool(flagged)}"
        f"{listed}. An attack gives a lower bound of the possible loss: a stronger attack may"
        f" always exist.{words.quick(board)}"
    )


def heading_of(table: Table) -> tuple[str, str]:
    """Return the title of a table and what it means."""
    if all(row.place.threat == UNATTACKED for row in table.rows):
        return _NOT_ATTACKED
    if table.through_gradients:
        return _WITH
    known = "; ".join(f"'{name}': {meaning}" for name, meaning in _threats(table))
    return _WITHOUT, _WEAKER.format(threats=known and f" Threats: {known}.")


def _threats(table: Table) -> Iterator[tuple[str, str]]:
    """Yield the name and the meaning of each threat of a table."""
    places = [row.place for row in table.rows if not row.reference]
    for threat in dict.fromkeys(chain.from_iterable(place.kinds for place in places)):
        yield threat_text(threat), threat_meaning(threat)
    if any(place.threat == NOISE_ONLY for place in places):
        yield NOISE_ONLY, "noise"


def _short(board: Board) -> Iterator[str]:
    """Yield the method, the largest effects and the caveats."""
    if all(heading_of(table) == _NOT_ATTACKED for table in board.tables):
        return
    yield "## Summary"
    yield METHOD
    effects = (line for table in board.tables for line in _largest(board, table))
    if listed := bullets([*effects, *ranking_section.leaders(board)]):
        yield listed
    yield caveats(board)


def _section(board: Board, table: Table) -> Iterator[str]:
    heading, explanation = heading_of(table)
    yield f"## At {escaped(words.where(board, table))}: {heading.lower()}"
    yield f"{explanation} Budget: {words.allowed(table.budget)}."
    known = shown(table)
    main = [column for column in known if column.is_main]
    yield listing(main, table.rows, intervals=False)
    yield from folded("All columns, with 95 % intervals of the means", [listing(known, table.rows)])


def _largest(board: Board, table: Table) -> Iterator[str]:
    """Yield which codec of a table has the largest value of each headline column."""
    parts = []
    for column in HEADLINES:
        row = largest(column, table.rows)
        if row is not None:
            parts.append(f"{_effect(column, row)} ({escaped(row.place.codec)})")
    if parts:
        heading = heading_of(table)[0].lower()
        place = escaped(words.where(board, table))
        yield f"**Largest effects**, {place}, {heading}: {', '.join(parts)}."


def _effect(column: RowColumn, row: Row) -> str:
    """Return the name and the value of a column, with the unit after the value."""
    name = column.header.removesuffix(" dB")
    unit = " dB" * (name != column.header)
    return f"{name} {column.text(row)}{unit}"


def largest(column: RowColumn, rows: Sequence[Row]) -> Row | None:
    """Return the row with the largest value of a column, without the lossless reference."""
    values = [(column.plain(row), row) for row in rows if not row.reference]
    known = [(value, row) for value, row in values if isinstance(value, float)]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def _flags(board: Board) -> Iterator[str]:
    names = dict.fromkeys(flag.name for row in board.rows for flag in row.flags)
    if names:
        yield "## Flags"
        yield _COUNTS
        yield bullets(f"**{escaped(flag_name(name))}**: {flag_meaning(name)}" for name in names)


def _losses(board: Board) -> Iterator[str]:
    lines = dict.fromkeys(
        f"{escaped(row.place.codec)}, {escaped(words.where(board, table))}: {escaped(reason)}"
        for table in board.tables
        for row in table.rows
        for reason in row.losses.reasons
    )
    if lines:
        yield "## Without a score of their own"
        yield bullets(lines)
