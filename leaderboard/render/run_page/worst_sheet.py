"""The sheet of a run: the worst adversarial picture of each codec, encoded again and drawn."""

from __future__ import annotations

from collections.abc import Sequence

from bench.engine.runner import Prepared
from bench.inspection.contact_sheet import description_of, drawable
from bench.inspection.evaluation_sheet import SheetText, evaluation_sheet
from bench.isolation.coder_pool import CoderPool
from bench.store.run_folder import Run
from leaderboard.aggregate.worst_case import search_in_words
from leaderboard.formatting import decibel, plain, rate
from leaderboard.ranking.board import Board
from leaderboard.ranking.worst_examples import WorstExample, worst_examples
from leaderboard.render.files import write_file
from leaderboard.render.run_page.sheets import WORST

_MOST = 12
"""Largest number of rows of a sheet."""

_TITLE = "The worst adversarial picture of each codec: the largest increase of its R-D cost"


def write_worst_sheet(prepared: Prepared, run: Run, board: Board, pool: CoderPool) -> None:
    """Write the sheet into the run folder, unless the one that is there shows the same.

    Args:
        prepared: the suite of the run, prepared.
        run: the run.
        board: the board of this run alone; without attacks it has no sheet.
        pool: the processes in which foreign codecs encode and decode.

    Raises:
        BenchError: the file cannot be written.
    """
    examples = worst_examples(board, _MOST)
    path = run.folder / WORST
    text = _text(examples)
    if not examples:
        path.unlink(missing_ok=True)
    elif not path.is_file() or description_of(path.read_bytes()) != text.description:
        write_file(path, evaluation_sheet(prepared, run, text, pool))


def _text(examples: Sequence[WorstExample]) -> SheetText:
    numbered = list(enumerate(examples, 1))
    return SheetText(
        _TITLE,
        {one.attack.key: _row_title(number, one) for number, one in numbered},
        "\n".join(f"{number}. {_in_words(one)}" for number, one in numbered),
    )


def _row_title(number: int, one: WorstExample) -> str:
    """Return a title that the fonts of the sheet can draw."""
    title = plain(f"{number}. {one.codec} on {one.attack.picture}: {_search(one)}")
    drawn = drawable(title)
    return drawn if drawn == title else f"{drawn} (for the names see {number} in leaderboard.md)"


def _search(one: WorstExample) -> str:
    return f"{search_in_words(one.attack)}, {one.attack.craft.budget}"


def _in_words(one: WorstExample) -> str:
    """Return what a row shows, on one line."""
    scores = one.attack.scores
    change = (
        "the codec failed on it"
        if one.attack.failed
        else f"PSNR {decibel(scores.psnr_clean)} to {decibel(scores.psnr_source)} dB,"
        f" {rate(scores.bpp_clean)} to {rate(scores.bpp)} bpp"
    )
    return plain(f"{one.codec} on {one.attack.picture}: {_search(one)}; {change}")
