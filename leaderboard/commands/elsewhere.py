"""`bench verify --elsewhere`: the table of bitstreams that were decoded in other environments."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.cli import CHECK_FAILED, DONE
from bench.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from bench.verify.elsewhere import Comparison, Count, Result


def run_elsewhere(arguments: argparse.Namespace) -> int:
    """Print what became of the bitstreams in each environment.

    Returns:
        1 if a saved picture was altered, or a bitstream breaks, see
        `bench.verify.elsewhere.Comparison.breaks`.
    """
    from bench.cli.output import say, say_lines
    from bench.utils.terminal import terminal
    from bench.verify.elsewhere import Comparison
    from bench.verify.findings import Finding

    if not arguments.json:
        say(f"decoding the bitstreams of {arguments.what} in other environments")
    results = list(_results(arguments))
    compared = [one for one in results if isinstance(one, Comparison)]
    compared.sort(key=lambda one: one.codec)
    findings = [one for one in results if isinstance(one, Finding)]
    others = [one for one in results if not isinstance(one, Comparison | Finding)]
    if arguments.json:
        say_lines(json.dumps(_as_json(compared, list(map(str, findings)), list(map(str, others)))))
    else:
        terminal().print(_table(compared))
        for line in (*_notes(compared), *(f"WRONG  {one}" for one in findings)):
            say(line)
        for one in others:
            say(f"skipped  {one}")
    return CHECK_FAILED if findings or any(one.breaks for one in compared) else DONE


def _results(arguments: argparse.Namespace) -> Iterator[Result]:
    from bench.store.manifest import MANIFEST
    from bench.store.run_folder import read_run
    from bench.verify.elsewhere import run_elsewhere
    from leaderboard.audit.elsewhere import entry_elsewhere
    from leaderboard.publish.entry import ENTRY
    from leaderboard.publish.entry_folder import current

    what, folder = current(arguments.what), arguments.suite_folder
    if (what / ENTRY).is_file():
        return entry_elsewhere(what, folder, plugins=arguments.plugins)
    if not (what / MANIFEST).is_file():
        raise ConfigError(f"--elsewhere needs a run folder or the folder of an entry, not {what}")
    return run_elsewhere(read_run(what), folder, plugins=arguments.plugins)


def _table(compared: Sequence[Comparison]) -> Table:
    """Return a table with a line for each codec and environment.

    The environments in which nothing fails or differs share a line.
    """
    from rich.box import SIMPLE
    from rich.table import Table

    title = "Bitstreams decoded elsewhere: worst PSNR against the picture here, dB"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for header in ("codec", "elsewhere"):
        table.add_column(header, min_width=18, overflow="fold")  # names are never cut
    for kind in ("clean", "attacked"):
        for header in (kind, "fail", "broken", "differ"):
            table.add_column(header, justify="right")
    table.add_column("PSNR", justify="right")
    for codec in dict.fromkeys(one.codec for one in compared):
        own = [one for one in compared if one.codec == codec and any(_sizes(one))]
        same = [one for one in own if one.is_same]
        places = ", ".join(one.environment for one in same)
        lines = [(places, same[0])] if same else []
        lines += [(one.environment, one) for one in own if not one.is_same]
        for number, (place, one) in enumerate(lines):
            table.add_row("" if number else codec, place, *_cells(one))
    return table


def _cells(one: Comparison) -> tuple[str, ...]:
    shares = (share for count in one.counts for share in _shares(count))
    worst = min((count.psnr for count in one.counts if count.psnr is not None), default=None)
    quality = ("same" if one.is_same else "none") if worst is None else f"{worst:.2f}"
    return (*shares, quality)


def _shares(count: Count) -> tuple[str, ...]:
    """Return how many bitstreams there are, fail, are broken, and differ."""
    return tuple(map(str, (count.bitstreams, count.failed, count.broken, count.different)))


def _sizes(one: Comparison) -> tuple[int, ...]:
    return tuple(count.bitstreams for count in one.counts)


def _notes(compared: Iterable[Comparison]) -> Iterator[str]:
    """Yield why bitstreams failed or were not decoded, one line for each reason."""
    reasons: dict[str, list[Comparison]] = {}
    for one in compared:
        if one.why:
            reasons.setdefault(one.why, []).append(one)
    for why, those in reasons.items():
        what = "fails" if any(_sizes(those[0])) else "not decoded"
        codecs = ", ".join(dict.fromkeys(one.codec for one in those))
        places = ", ".join(dict.fromkeys(one.environment for one in those))
        yield f"{what}  {codecs} ({places}): {why}"


def _as_json(
    compared: Sequence[Comparison], findings: list[str], skipped: list[str]
) -> dict[str, Any]:
    lines = [{**asdict(one), "breaks": one.breaks} for one in compared]
    return {"comparisons": lines, "findings": findings, "skipped": skipped}
