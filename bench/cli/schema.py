"""`bench schema`: the JSON schema of suites, for editors."""

from __future__ import annotations

import argparse

HELP = "print the JSON schema of suites, for editors"
EXAMPLE = "bench schema > suite.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command: none."""
    del parser


def run(arguments: argparse.Namespace) -> None:
    """Print the schema."""
    del arguments
    import json

    from bench.cli.output import say_lines
    from bench.suite.json_schema import suite_schema

    say_lines(json.dumps(suite_schema(), indent=2))
