"""A board -> files: pages with plots and pictures, or tables and curves for other programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError, writable
from bench.utils.files import write_atomically
from leaderboard.ranking.board import Board
from leaderboard.render.export import (
    as_compressai,
    as_csv,
    as_parquet,
    corruptions,
    measured,
    rows,
)
from leaderboard.render.page import markdown
from leaderboard.render.plot import Plot
from leaderboard.render.run_page.page import run_page
from leaderboard.render.run_page.sheets import Sheet, sheets_of

_FORMATS = {".csv": as_csv, ".parquet": as_parquet}


def write_page(board: Board, out: Path, runs: Sequence[Path] = ()) -> None:
    """Write a board as markdown: a short page, and one with every column, NAME-full.md, beside it.

    Plots, and copies of the runs' sheets of worst pictures, are in the folder NAME-plots. A sheet
    that lies in the folder of the page is not copied.

    Args:
        board: the board.
        out: the short page, .md.
        runs: the run folders of the board, for their sheets.

    Raises:
        BenchError: the file does not end in .md, or cannot be written.
    """
    from leaderboard.render.plots import plots  # noqa: PLC0415 - matplotlib is slow to import

    require_markdown(out)
    folder, full = f"{out.stem}-plots", f"{out.stem}-full.md"
    drawn, sheets = plots(board, folder), sheets_of(runs, out, folder)
    pages = {full: markdown(board, drawn), out.name: run_page(board, drawn, sheets, full)}
    _make_folder(out)
    _write_pictures(out.parent, drawn, sheets)
    for name, page in pages.items():
        write_file(out.parent / name, page.encode())


def _write_pictures(folder: Path, plots: Sequence[Plot], sheets: Sequence[Sheet]) -> None:
    for plot in plots:
        write_file(folder / plot.path, plot.svg)
    for sheet in sheets:
        if sheet.is_copy:
            write_file(folder / sheet.path, sheet.png)


def require_markdown(out: Path) -> None:
    """Check the name of a page; the page has links to its plots, whose names begin with it.

    Raises:
        BenchError: it does not end in .md, or is no text.
    """
    if out.suffix != ".md":
        raise BenchError(f"{out} does not end in .md; a page is written as markdown")
    if writable(out.name) != out.name:
        raise BenchError(f"the name {os.fsencode(out)!r} of the page is no text; choose another")


def export(board: Board, out: Path) -> list[Path]:
    """Write the rows as .csv or .parquet, or the curves as JSON files into a folder.

    Figures of corrupted pictures are written beside the rows, as NAME-corruptions, and those of
    each axis by its key, such as NAME-bit-errors.

    Returns:
        The file, or the folder; and the files beside it.

    Raises:
        BenchError: the name has another ending, or a file cannot be written.
    """
    if out.suffix in _FORMATS:
        others = {"corruptions": corruptions(board), **measured(board)}
        sheets = {out: rows(board)} | {_beside(out, name): one for name, one in others.items()}
        found = {path: sheet for path, sheet in sheets.items() if sheet.lines or path == out}
        for path, sheet in found.items():
            write_file(path, _FORMATS[out.suffix](sheet))
        return list(found)
    if out.suffix:
        raise BenchError(
            f"{out} ends in neither .csv nor .parquet; a name without an ending is a folder for the"
            " curves of CompressAI's plot tool"
        )
    for name, content in as_compressai(board).items():
        write_file(out / name, content)
    return [out]


def _beside(out: Path, name: str) -> Path:
    return out.with_name(f"{out.stem}-{name}{out.suffix}")


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
