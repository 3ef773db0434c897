"""A board as tables for other programs, and its curves in the format of CompressAI's plot tool.

rows   --> CSV or Parquet, one line per operating point and budget; NAME_low and NAME_high are the
           95 % interval of a mean, NAME_of is the total of a count
corrupted pictures --> the same, one line per operating point, kind and severity
an axis --> the same, one line per line of its table
curves --> {"name", "description", "results": {"bpp": [...], "psnr-rgb": [...], ...}}
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bench.errors import ConfigError
from bench.utils.terminal import plain_line
from leaderboard.aggregate.bootstrap import Estimate
from leaderboard.aggregate.rows import Row
from leaderboard.columns.columns import RowColumn, columns
from leaderboard.formatting import share
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.corruptions import BANDS, CorruptedCodec, CorruptedPoint
from leaderboard.ranking.rd_curves import Curve
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.axes.axis import Axis

Cell: TypeAlias = str | float | None

_FORMULAS = (*"=+-@", *"\uff1d\uff0b\uff0d\uff20")
"""Beginnings of a formula, also in full width."""


@dataclass(frozen=True)
class ExportTable:
    """A table.

    Attributes:
        names: the names of the columns, in order.
        lines: the values of each line by name; a missing one is empty.
    """

    names: list[str]
    lines: list[dict[str, Cell]]


def records(board: Board) -> list[dict[str, Cell]]:
    """Return one record for each row, with every column by its key."""
    named = _named(columns(board.rows))
    return [_record(row, named) for row in board.rows]


def rows(board: Board) -> ExportTable:
    """Return the rows with every column by its key."""
    lines = records(board)
    return ExportTable(_header(board, lines), lines)


def corruptions(board: Board) -> ExportTable:
    """Return one line for each operating point under each corruption."""
    lines = [
        _corrupted(one, codec, point)
        for one in board.comparisons
        for codec in one.corrupted
        for point in codec.points
    ]
    return ExportTable(list(lines[0]) if lines else [], lines)


def measured(board: Board) -> dict[str, ExportTable]:
    """Return the table of each axis by its key; runs with the same axis share one."""
    lines: dict[str, list[dict[str, Cell]]] = {}
    for axis in axes_of(board):
        lines.setdefault(axis.key, []).extend(_measured(axis))
    return {key: ExportTable(_names(found), found) for key, found in lines.items()}


def _measured(axis: Axis) -> Iterator[dict[str, Cell]]:
    for line in axis.lines:
        cells = {column.key: column.exported(line) for column in axis.columns}
        plain = {
            key: cell if isinstance(cell, str | float | int) else None
            for key, cell in cells.items()
        }
        yield {"run": axis.run, **plain}


def _names(lines: Iterable[Mapping[str, Cell]]) -> list[str]:
    """Return every name that a line has, in their order."""
    return list(dict.fromkeys(name for line in lines for name in line))


def _corrupted(one: Comparison, codec: CorruptedCodec, point: CorruptedPoint) -> dict[str, Cell]:
    rate = codec.rates.get(point.corruption)
    shares = point.bands or (None,) * len(BANDS)
    return {
        "run": ", ".join(one.runs),
        "family": codec.family,
        "codec": point.codec,
        "kind": point.corruption.kind,
        "severity": point.corruption.severity,
        "pictures": point.pictures,
        "failed": point.failed,
        "clean_bpp": point.bpp_clean,
        "bpp": point.bpp,
        "clean_psnr_db": point.psnr_clean,
        "psnr_input_db": point.psnr,
        "rd_cost_factor": None if point.cost is None else point.cost.value,
        "bd_rate_percent": None if rate is None else rate.value,
        **{f"error_{band}": share for band, share in zip(BANDS, shares, strict=True)},
    }


def as_csv(table: ExportTable) -> bytes:
    """Return a table as comma-separated values; missing values are empty.

    Text that a program for tables would run as a formula begins with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, table.names, lineterminator="\n")
    writer.writeheader()
    for line in table.lines:
        writer.writerow({name: _written(cell) for name, cell in line.items()})
    return stream.getvalue().encode()


def _written(cell: Cell) -> Cell:
    """Return a cell as it is written; text is on one line, as a carriage return would end a row."""
    if not isinstance(cell, str):
        return cell
    text = plain_line(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def as_parquet(table: ExportTable) -> bytes:
    """Return a table as a Parquet file.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "Parquet needs pyarrow: pip install 'codec-robustness-bench[export]', or export to .csv"
        ) from error
    cells = {name: [line.get(name) for line in table.lines] for name in table.names}
    stream = io.BytesIO()
    parquet.write_table(arrow.table(cells), stream)
    return stream.getvalue()


def as_compressai(board: Board) -> dict[str, bytes]:
    """Return a JSON file for each curve, by its name, as `compressai.utils.plot` reads them."""
    files: dict[str, bytes] = {}
    for one in board.comparisons:
        suite = f"{', '.join(one.runs)} " * board.has_suites
        for title, about, curve in _curves(one):
            name = f"{suite}{title}"
            stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "curve"
            content = _compressai(name, about, curve)
            is_taken = files.get(f"{stem}.json", content) != content
            files[f"{stem}-{len(files)}.json" if is_taken else f"{stem}.json"] = content
    return files


def _curves(one: Comparison) -> Iterator[tuple[str, str, Curve]]:
    """Yield every curve with its name and description; each clean curve once."""
    seen = set()
    for curves in one.curves:
        if curves.family not in seen:
            seen.add(curves.family)
            yield f"{curves.family} unattacked", f"pictures of {', '.join(one.runs)}", curves.clean
        about = f"worst case at {one.budget} of attacks with the objective {curves.objective}"
        yield f"{curves.family} {one.budget} {curves.objective}", about, curves.attacked
    for codec in one.corrupted:
        for kind, (clean, corrupted) in codec.curves.items():
            if codec.family not in seen:
                seen.add(codec.family)
                yield f"{codec.family} unattacked", f"pictures of {', '.join(one.runs)}", clean
            about = f"pictures with {kind}, against the corrupted pictures, mean over severities"
            yield f"{codec.family} {kind}", about, corrupted


def _compressai(name: str, about: str, curve: Curve) -> bytes:
    points = [point for point in curve if math.isfinite(point.psnr)]
    results: dict[str, list[float]] = {
        "bpp": [point.bpp for point in points],
        "psnr-rgb": [point.psnr for point in points],
        "encoding_time": [point.encoding for point in points],
        "decoding_time": [point.decoding for point in points],
    }
    ms_ssim = [point.ms_ssim for point in points if point.ms_ssim is not None]
    if len(ms_ssim) == len(points):
        results["ms-ssim-rgb"] = ms_ssim
    content = {"name": name, "description": about, "results": results}
    return json.dumps(content, indent=2).encode() + b"\n"


def _header(board: Board, lines: Iterable[Mapping[str, Cell]]) -> list[str]:
    """Return every name that a record has, in the order of the columns."""
    order = {name: index for index, name in enumerate(_named(columns(board.rows)))}

    def place(name: str) -> tuple[int, str]:
        return order.get(re.sub("_(low|high|of)$", "", name), -1), name

    return sorted({name for line in lines for name in line}, key=place)


def _named(columns: Iterable[RowColumn]) -> dict[str, RowColumn]:
    """Return columns by their keys; the second column of a key is numbered."""
    named: dict[str, RowColumn] = {}
    seen: Counter[str] = Counter()
    for column in columns:
        seen[column.key] += 1
        number = seen[column.key]
        named[column.key if number == 1 else f"{column.key}_{number}"] = column
    return named


def _record(row: Row, named: Mapping[str, RowColumn]) -> dict[str, Cell]:
    record: dict[str, Cell] = {"budget": row.place.budget, "subsampled": row.place.subsampled}
    for name, column in named.items():
        record |= _cells(name, column, row)
    return record


def _cells(name: str, column: RowColumn, row: Row) -> dict[str, Cell]:
    """Return the stored values of a row in a column."""
    value = column.exported(row)
    if column.format is share:
        count, of = value if isinstance(value, tuple) else (None, None)
        return {name: count, f"{name}_of": of}
    if isinstance(value, Estimate):
        return {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
    return {name: value if isinstance(value, str | float | int) else None}
