"""Executors: this process, several processes, or the machines of a Ray cluster.

    Prepared, Store --executor--> events: jobs that start, records that are on disk

The records are the same under every executor, times apart. An executor is imported when chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench.errors import ConfigError
from bench.isolation import CALL_LIMIT_S

if TYPE_CHECKING:  # the command line knows the names without the rest
    from bench.engine.resume import Event
    from bench.engine.runner import Prepared
    from bench.store.run_folder import Store

Name: TypeAlias = Literal["auto", "serial", "processes", "ray"]

Executor: TypeAlias = "Callable[[Prepared, Store], Generator[Event, None, None]]"
"""Does what a run folder lacks of a plan; every record it yields is on disk. To be closed."""


@dataclass(frozen=True)
class Options:
    """How many work, where, and how long; None for what an executor finds best.

    Attributes:
        workers: how many there are.
        address: of a Ray cluster that runs already.
        gpus: how many GPUs each worker asks Ray for; a part of one is shared.
        call_limit_s: time limit of one call of a plugin, see `bench.utils.foreign_call.call_limit`.
    """

    workers: int | None = None
    address: str | None = None
    gpus: float | None = None
    call_limit_s: float = CALL_LIMIT_S


_MADE_BY = {
    "auto": "bench.engine.executors.automatic:executor",
    "serial": "bench.engine.executors.serial:executor",
    "processes": "bench.engine.executors.processes:executor",
    "ray": "bench.engine.executors.ray_cluster:executor",
}


def executor(name: Name, options: Options) -> Executor:
    """Return an executor by its name.

    Raises:
        ConfigError: it does not take one of the options, or what it needs is not installed.
    """
    if options.workers is not None and options.workers < 1:
        raise ConfigError("--workers is a number of at least 1")
    if options.gpus is not None and not 0 <= options.gpus < math.inf:
        raise ConfigError("--gpus is a number of at least 0")
    if not 0 < options.call_limit_s < math.inf:
        raise ConfigError("--call-limit is a number of seconds above 0")
    module, _, attribute = _MADE_BY[name].partition(":")
    made: Executor = getattr(import_module(module), attribute)(options)
    return made
