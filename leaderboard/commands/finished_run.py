"""What `bench run` shows and writes when a run is finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from bench.engine.runner import Prepared
    from bench.isolation.coder_pool import CoderPool


def report(prepared: Prepared, folder: Path, pool: CoderPool, console: Console) -> None:
    """Write the pages and the sheet of a run into its folder, and show its leaderboard."""
    from bench.cli.output import say
    from bench.store.run_folder import read_run
    from leaderboard.commands.boards import say_sheets, show
    from leaderboard.ranking.board import build_board
    from leaderboard.ranking.clean_rd import is_of_rates
    from leaderboard.render.files import write_page
    from leaderboard.render.run_page.clean_rd_page import write_rates
    from leaderboard.render.run_page.worst_sheet import write_worst_sheet

    run = read_run(folder)
    board = build_board([run])
    write_worst_sheet(prepared, run, board, pool)
    write_page(board, folder / "leaderboard.md", [folder])
    show(board, console)
    if is_of_rates(run):
        written = write_rates(run, folder / "codecs.md")
        say(f"wrote {', '.join(map(str, written))}")
    say(f"wrote {folder / 'leaderboard.md'}, and all figures to leaderboard-full.md")
    say_sheets([folder])
