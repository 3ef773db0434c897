"""The worst pictures of an entry, decoded in other environments: see `bench.verify.elsewhere`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.verify.consent import refuse_foreign_code
from bench.verify.elsewhere import Result, decode_elsewhere
from bench.verify.environments import environments
from bench.verify.replan import replan
from leaderboard.audit.audit import archived_pictures, with_sources
from leaderboard.publish.archive import unzipped
from leaderboard.publish.entry import ARCHIVE, read_entry, run_of


def entry_elsewhere(folder: Path, suite_folder: Path, *, plugins: bool = False) -> Iterator[Result]:
    """Yield how the codec of an entry decodes in other environments.

    Args:
        folder: the entry's folder.
        suite_folder: where relative paths of its suite start.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        BenchError: it names plugins or programs that are not allowed, or cannot be planned here.
    """
    entry = read_entry(folder)
    refuse_foreign_code(entry.suite, folder, entry.by, allowed=plugins)
    run = with_sources(entry, run_of(entry, folder))
    again = replan(run.manifest, suite_folder)
    pictures = archived_pictures(folder, unzipped(folder, ARCHIVE))
    yield from decode_elsewhere(run, again, pictures, environments(again.suite.compute.threads))
