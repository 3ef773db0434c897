"""`bench plan`: what a suite would do, and how long it would take."""

from __future__ import annotations

import argparse

from bench.cli.arguments import add_codecs, add_pictures, add_suite, requested_suite

HELP = "count the searches and evaluations of a suite and estimate its time; nothing is executed"
EXAMPLE = "bench plan quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite(parser)
    add_codecs(parser)
    add_pictures(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print searches by attack, evaluations by codec, codings by metric, and the expected time."""
    from collections import Counter

    from bench.cli.output import say
    from bench.engine.executors.automatic import expected_seconds, worker_count
    from bench.engine.runner import prepare
    from bench.engine.timing import expected_timing_seconds
    from bench.planning.estimate import left_out, resources_seconds
    from bench.planning.victims import left_to_others
    from bench.utils.terminal import duration

    suite, base = requested_suite(arguments)
    prepared = prepare(suite, base)
    plan = prepared.plan
    if others := left_to_others(suite, plan):
        say(others)
    searches = Counter(str(job.search.choice) for job in plan.crafts)
    evaluations = Counter(f"{cell.victim.label} ({cell.threat})" for cell in plan.cells)
    for title, counts in (("searches", searches), ("evaluations", evaluations)):
        say(f"{title}: {sum(counts.values())}")
        for name, count in counts.items():
            say(f"  {count:6d}  {name}")
    for named in prepared.terms.named_metrics:
        if named.codings:
            say(f"{named.label}: {named.codings:g} more codings of each evaluation")
    workers = worker_count(prepared)
    by = "in this process" if workers == 1 else f"with {workers} processes"
    scoring, timing = expected_seconds(plan, workers), expected_timing_seconds(plan)
    more = left_out(suite)
    say(f"about {duration(scoring)} {by}{f', without the time of {more}' if more else ''}")
    if suite.resources:
        say(f"then about {duration(resources_seconds(plan))} to measure time and memory again")
    say(f"then about {duration(timing)} to time the codecs; nothing was executed")
