"""A sample of every entry of a board, encoded again: the worst pictures that the page shows.

entry --shown worst pictures--> (search, operating point) --reencode--> scores
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError, ConfigError, one_line
from bench.planning.jobs import Group, Plan
from bench.verify.consent import refuse_foreign_code
from bench.verify.findings import Event, NotChecked, Skipped, not_replanned
from bench.verify.reencode import reencode
from bench.verify.replan import replan
from leaderboard.audit.audit import archived_pictures, placed, with_sources
from leaderboard.publish.archive import unzipped
from leaderboard.publish.entry import ARCHIVE, ENTRY, Entry, run_of
from leaderboard.publish.published_board import Published, entries


def recode_samples(board: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield which of the worst pictures that the page shows give their scores again.

    The first event that something is missing here, such as the pictures, is the last one.

    Args:
        board: the folder of the board.
        suite_folder: where relative paths of the suites start.
        plugins: whether the plugins and programs that entries name may run; entries that name any
            are skipped otherwise.
    """
    for one in entries(board):
        for event in _recoded(one, suite_folder, plugins=plugins):
            yield event
            if isinstance(event, NotChecked):
                return


def _recoded(one: Published, suite_folder: Path, *, plugins: bool) -> Iterator[Event]:
    entry, folder = one.entry, one.folder
    try:
        refuse_foreign_code(entry.suite, folder, entry.by, allowed=plugins)
    except ConfigError as error:
        yield Skipped(f"{entry.track}/{entry.slug}", one_line(error))
        return
    try:
        run = with_sources(entry, run_of(entry, folder))
        read = archived_pictures(folder, unzipped(folder, ARCHIVE))
        again = replan(run.manifest, suite_folder)
    except BenchError as error:
        yield not_replanned(f"{folder / ENTRY}", error)
        return
    shown = replace(again, plan=_shown(again.plan, entry))
    yield from placed(reencode(run, shown, read), folder, ENTRY)


def _shown(plan: Plan, entry: Entry) -> Plan:
    """Return the evaluations of the worst pictures that the page shows."""
    pairs = {(worst.craft, worst.codec) for worst in entry.worst if worst.views}
    parts = (_part(group, pairs) for group in plan.groups)
    return Plan(tuple(group for group in parts if group.cells))


def _part(group: Group, pairs: set[tuple[str, str]]) -> Group:
    key = "" if group.craft is None else group.craft.key
    cells = tuple(cell for cell in group.cells if (key, cell.victim.label) in pairs)
    return replace(group, cells=cells, mates=())
