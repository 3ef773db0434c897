"""The machines of a Ray cluster: one actor a worker, everything else is Ray's.

    driver --source picture, once--> object store --> actor      on whatever machine
           <--adversarial pictures, records-------------

An actor asks for the cores that the suite gives one search, and for GPUs if told. Ray places it;
one that is lost, alone or with its machine, is replaced by a new one, and what it did is done
again. Actors keep nothing on a disk, and need none that is shared.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from bench.engine.executors import Executor, Options
from bench.engine.executors.messages import Answer, from_messages, pack
from bench.engine.executors.scheduler import drive
from bench.engine.executors.worker import WorkerConfig, WorkerSession
from bench.engine.job_runner import JobEvent, WorkItem
from bench.engine.resume import Event
from bench.engine.runner import Prepared
from bench.errors import BenchError, ConfigError, MachineError, one_line
from bench.store.run_folder import Store
from bench.utils.child_process import LostError
from bench.utils.machine import usable_cores

try:
    import ray
    from ray.exceptions import RayError
except ImportError as error:
    raise ConfigError(
        "Ray is not installed; install it with: pip install 'codec-robustness-bench[ray]',"
        " or use --executor processes"
    ) from error

_LOCAL = "local"
_AUTH_MODE = "RAY_AUTH_MODE"
_PATIENCE_S = 10.0
"""How long an address may take to answer."""

_KEPT_PICTURES = 64
"""So many source pictures stay in the object store for tasks to come."""


def executor(options: Options) -> Executor:
    """Return what does a plan with Ray, on this machine alone unless an address is given."""
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    cpus, gpus = prepared.suite.compute.threads, options.gpus or 0
    with _connected(options, cpus):
        hire = RayWorkerHandle(WorkerConfig.of(prepared), cpus, gpus)
        if not hire.room and (options.workers is None or _address(options) == _LOCAL):
            raise MachineError(
                f"a worker asks Ray for {cpus} cores and {gpus:g} GPUs, and there are"
                f" {hire.there('CPU'):g} and {hire.there('GPU'):g}; ask for less by 'threads:' of"
                " the suite and by --gpus, or add machines"
            )
        yield from drive(prepared, store, hire, options.workers or hire.room)


@contextmanager
def _connected(options: Options, cpus: int) -> Iterator[None]:
    """Be a driver of a cluster: the one that is named, or one of this machine that ends with us."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = _address(options)
    workers = options.workers or max(1, usable_cores() // cpus)
    own = {} if address != _LOCAL else {"num_cpus": workers * cpus}
    _see_that_it_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    except Exception as error:  # Ray raises all kinds
        hint = "" if _AUTH_MODE in os.environ else f"; with a token it needs {_AUTH_MODE}=token"
        raise MachineError(f"Ray cannot be had at '{address}': {one_line(error)}{hint}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _address(options: Options) -> str:
    return options.address or os.environ.get("RAY_ADDRESS") or _LOCAL


def _see_that_it_answers(address: str) -> None:
    """Ray itself tries for a quarter of an hour."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise MachineError(f"Ray cannot be had at '{address}': {one_line(error)}") from error


class RayWorkerHandle:
    """Makes actors, all with the same kit and demands.

    Args:
        kit: of the run.
        cpus: cores that each asks for.
        gpus: GPUs that each asks for.
    """

    def __init__(self, kit: WorkerConfig, cpus: int, gpus: float) -> None:
        self._cpus, self._gpus = cpus, gpus
        self._kit = ray.put(kit)
        self._shown = lru_cache(_KEPT_PICTURES)(ray.put)

    def __call__(self) -> RayWorker:
        """Return one more worker; it waits until there is room for it."""
        made = ray.remote(WorkerSession).options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_restarts=0,
            scheduling_strategy="SPREAD",
        )
        return RayWorker(made.remote(self._kit), self._shown)

    @property
    def room(self) -> int:
        """How many find room on the cluster as it is."""
        by_gpus = [int(self.there("GPU") / self._gpus)] if self._gpus else []
        return min([int(self.there("CPU") / self._cpus), *by_gpus])

    def there(self, resource: str) -> float:
        """Return how much of something the cluster has."""
        return float(ray.cluster_resources().get(resource, 0))


@dataclass(frozen=True)
class RayWorker:
    """A `bench.engine.executors.worker_pool.Worker` that is an actor.

    Attributes:
        actor: of a `bench.engine.executors.worker.Bench`.
        shown: puts a source picture into the object store, once.
    """

    actor: Any
    shown: Any

    def start(self) -> str:
        """Wait until it is placed and ready; return its host and process."""
        with _lost():
            host = ray.get(self.actor.introduce.remote())
        if isinstance(host, BenchError):
            raise host
        return str(host)

    def do(self, task: WorkItem) -> Iterator[JobEvent]:
        """Do a task there, yielding what is made as it comes."""
        yield from from_messages(task, self._answers(task))

    def stop(self) -> None:
        """End it at once."""
        with suppress(RayError, RuntimeError):  # it may be gone, or the cluster
            ray.kill(self.actor)

    def _answers(self, task: WorkItem) -> Iterator[Answer]:
        with _lost():
            stream = self.actor.do.options(num_returns="streaming").remote(
                pack(task), *map(self.shown, task.pictures)
            )
            for answer in stream:
                yield ray.get(answer)


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RayError as error:
        raise LostError(one_line(error)) from error
