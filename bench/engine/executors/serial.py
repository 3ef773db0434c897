"""Execution of one job after another in this process, in the order of the plan."""

from __future__ import annotations

from bench.engine.executors import Executor, Options
from bench.engine.runner import execute
from bench.errors import ConfigError


def executor(options: Options) -> Executor:
    """Return the executor in this process.

    Raises:
        ConfigError: an option was given; this executor has none.
    """
    if options != Options():
        raise ConfigError("one process works alone; choose --executor processes or ray")
    return execute
