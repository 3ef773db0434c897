"""What the scripts that write pages of docs/ share: arguments, runs, tables and the page itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.store.run_folder import Run, read_run
from leaderboard.render import markdown

DOCS = Path(__file__).parents[1]


def run_folders(description: str | None) -> list[Path]:
    """Return the run folders that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("runs", nargs="+", type=Path)
    folders: list[Path] = parser.parse_args().runs
    return folders


def finished_run(folder: Path) -> Run:
    """Read a run; exit with a message if it is not finished."""
    run = read_run(folder)
    if len(run.measures) < run.manifest.cells:
        message = f"{folder} holds {len(run.measures)} of {run.manifest.cells} evaluations"
        raise SystemExit(f"{message}; continue it with 'bench run' first")
    return run


def table(headers: Sequence[str], lines: Iterable[Sequence[str]], text_columns: int = 1) -> str:
    """Return a markdown table; the columns after the first `text_columns` are figures."""
    return markdown.table(headers, [i >= text_columns for i in range(len(headers))], lines)


def write_page(page: Path, blocks: Iterable[str]) -> None:
    """Write a page from its blocks, with a blank line between two of them."""
    page.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def command(script: str, folders: Iterable[Path], suites: str = "suites/") -> str:
    """Return the section that says how to write a page again from its runs.

    Args:
        script: name of the script.
        folders: the runs.
        suites: folder of the suites.
    """
    runs = " ".join(folder.as_posix() for folder in folders)
    return f"""\
## Reproduce this page

Run each suite with `bench run {suites}NAME.yaml -o runs/NAME`, then write the page:

    python docs/scripts/{script} {runs}"""
