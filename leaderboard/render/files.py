"""A board -> files: a page with its plots, or tables and curves for other programs."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError
from bench.utils.files import write_atomically
from leaderboard.ranking.board import Board
from leaderboard.render.export import as_compressai, as_csv, as_parquet
from leaderboard.render.page import markdown


def write_page(board: Board, out: Path) -> None:
    """Write the board as markdown, with its plots in the folder NAME-plots beside it.

    Raises:
        BenchError: the file does not end in .md, or cannot be written.
    """
    from leaderboard.render.plots import plots  # noqa: PLC0415 - matplotlib is slow to import

    if out.suffix != ".md":
        raise BenchError(f"{out} does not end in .md; a board is written as markdown")
    drawn = plots(board, f"{out.stem}-plots")
    _write(out, markdown(board, drawn).encode())
    for plot in drawn:
        _write(out.parent / plot.path, plot.svg)


def export(board: Board, out: Path) -> None:
    """Write the rows as .csv or .parquet, or the curves as JSON files into a folder.

    Raises:
        BenchError: the name has another ending, or a file cannot be written.
    """
    if out.suffix == ".csv":
        _write(out, as_csv(board))
    elif out.suffix == ".parquet":
        _write(out, as_parquet(board))
    elif out.suffix:
        raise BenchError(
            f"{out} ends in neither .csv nor .parquet; a name without an ending is a folder for the"
            " curves of CompressAI's plot tool"
        )
    else:
        for name, content in as_compressai(board).items():
            _write(out / name, content)


def _write(path: Path, content: bytes) -> None:
    try:
        if path.parent.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}; choose another file") from error
