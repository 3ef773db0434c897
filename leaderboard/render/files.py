"""A board -> files: a page with its plots, or tables and curves for other programs."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import BenchError, writable
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

    require_markdown(out)
    drawn = plots(board, f"{out.stem}-plots")
    page = markdown(board, drawn).encode()
    _make_folder(out)
    for plot in drawn:
        write_file(out.parent / plot.path, plot.svg)
    write_file(out, page)


def require_markdown(out: Path) -> None:
    """Check the name of a page; the page has links to its plots, whose names begin with it.

    Raises:
        BenchError: it does not end in .md, or is no text.
    """
    if out.suffix != ".md":
        raise BenchError(f"{out} does not end in .md; a page is written as markdown")
    if writable(out.name) != out.name:
        raise BenchError(f"the name {os.fsencode(out)!r} of the page is no text; choose another")


def export(board: Board, out: Path) -> None:
    """Write the rows as .csv or .parquet, or the curves as JSON files into a folder.

    Raises:
        BenchError: the name has another ending, or a file cannot be written.
    """
    if out.suffix == ".csv":
        write_file(out, as_csv(board))
    elif out.suffix == ".parquet":
        write_file(out, as_parquet(board))
    elif out.suffix:
        raise BenchError(
            f"{out} ends in neither .csv nor .parquet; a name without an ending is a folder for the"
            " curves of CompressAI's plot tool"
        )
    else:
        for name, content in as_compressai(board).items():
            write_file(out / name, content)


def write_file(path: Path, content: bytes) -> None:
    """Write a file for the user, or replace it as a whole; its folder is made, one level at most.

    Raises:
        BenchError: it cannot be written.
    """
    _make_folder(path)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> BenchError:
    return BenchError(f"cannot write {path}: {error.strerror}; choose another file")
