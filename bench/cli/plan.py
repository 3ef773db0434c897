"""`bench plan`: what a suite would do, and how long it would take."""

from __future__ import annotations

import argparse

from bench.cli.arguments import add_pictures, add_suite

HELP = "count the searches and evaluations of a suite and estimate its time; nothing is executed"
EXAMPLE = "bench plan quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite(parser)
    add_pictures(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print searches by attack, evaluations by codec and threat, and the expected time."""
    from collections import Counter

    from bench.cli.output import say
    from bench.engine.executors.automatic import expected_seconds, worker_count
    from bench.engine.runner import prepare
    from bench.suite.bundled import named_suite
    from bench.utils.durations import duration

    suite, base = named_suite(arguments.suite)
    plan = prepare(suite, base).plan
    searches = Counter(str(job.search.choice) for job in plan.crafts)
    evaluations = Counter(f"{cell.victim.label} ({cell.threat})" for cell in plan.cells)
    for title, counts in (("searches", searches), ("evaluations", evaluations)):
        say(f"{title}: {sum(counts.values())}")
        for name, count in counts.items():
            say(f"  {count:6d}  {name}")
    workers = worker_count(plan, suite.compute.threads)
    by = "in this process" if workers == 1 else f"with {workers} processes"
    say(f"about {duration(expected_seconds(plan, workers))} {by}; nothing was executed")
