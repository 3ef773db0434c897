"""What `bench run` shows and writes when a run is finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def report(folder: Path, console: Console) -> None:
    """Write the pages of a run into its folder, and show its leaderboard."""
    from bench.cli.output import say
    from bench.store.run_folder import read_run
    from leaderboard.commands.boards import show
    from leaderboard.ranking.board import build_board
    from leaderboard.ranking.clean_rd import is_of_rates
    from leaderboard.render.clean_rd_page import write_rates
    from leaderboard.render.files import write_page

    run = read_run(folder)
    board = build_board([run])
    write_page(board, folder / "leaderboard.md")
    show(board, console)
    say(f"wrote {folder / 'leaderboard.md'}")
    if is_of_rates(run):
        written = write_rates(run, folder / "codecs.md")
        say(f"wrote {', '.join(map(str, written))}")
