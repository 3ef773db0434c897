"""Workers on the machines of a Ray cluster: one actor for each worker.

    driver --source picture, once--> object store --> actor      on any machine
           <--adversarial pictures, records-------------

An actor requests the cores that the suite gives one search, and GPUs if `--gpus` is given. Ray
places it. An actor that is lost, alone or with its machine, is replaced by a new one, and its work
is done again. Actors write nothing to disk and need no shared disk.
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
from bench.engine.executors.worker import WorkerConfig
from bench.engine.executors.worker_process import WorkerProcess
from bench.engine.job_runner import JobEvent, WorkItem
from bench.engine.resume import Event
from bench.engine.runner import Prepared
from bench.errors import BenchError, ConfigError, MachineError, one_line
from bench.images.image_set import Picture
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
"""Seconds that an address may take to answer."""

_KEPT_PICTURES = 64
"""Number of source pictures that stay in the object store for later work items."""


def executor(options: Options) -> Executor:
    """Return the executor with Ray, on this machine alone unless an address is given."""
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    cpus, gpus = prepared.suite.compute.threads, options.gpus or 0
    with _connected(options, cpus):
        config = WorkerConfig.of(prepared, options.call_limit_s)
        make_worker = RayWorkerHandle(config, cpus, gpus)
        room = make_worker.room
        if not room and (options.workers is None or _address(options) == _LOCAL):
            raise MachineError(
                f"a worker asks Ray for {cpus} cores and {gpus:g} GPUs, and there are"
                f" {make_worker.available('CPU'):g} and {make_worker.available('GPU'):g}; ask for"
                " less by 'threads:' of the suite and by --gpus, or add machines"
            )
        yield from drive(prepared, store, make_worker, options.workers or room)


@contextmanager
def _connected(options: Options, cpus: int) -> Iterator[None]:
    """Connect to the cluster that is named, or start one on this machine until the context ends."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = _address(options)
    workers = options.workers or max(1, usable_cores() // cpus)
    own = {} if address != _LOCAL else {"num_cpus": workers * cpus}
    _check_that_it_answers(address)
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


def _check_that_it_answers(address: str) -> None:
    """Raise `MachineError` if nothing answers; Ray itself would try for a quarter of an hour."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise MachineError(f"Ray cannot be had at '{address}': {one_line(error)}") from error


class WorkerRelay:
    """An actor: it starts a worker process on its machine and passes on what that answers.

    Errors are returned, because Ray would not raise them unchanged.

    Args:
        config: description of the run.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._process = WorkerProcess(config)

    def start(self) -> str | BenchError | LostError:
        """Wait until the worker process is ready; return its host and process, or the error."""
        try:
            return self._process.start()
        except LostError as error:
            return error

    def run(self, packed: bytes, *pictures: Picture) -> Iterator[Answer]:
        """Run a packed work item; yield the answers as they arrive, or why the process ended."""
        try:
            yield from self._process.run(packed, *pictures)
        except LostError as error:
            yield error


class RayWorkerHandle:
    """Makes workers, all for the same run and with the same resources.

    Args:
        config: description of the run.
        cpus: number of cores that each requests.
        gpus: number of GPUs that each requests.
    """

    def __init__(self, config: WorkerConfig, cpus: int, gpus: float) -> None:
        self._cpus, self._gpus = cpus, gpus
        self._config = ray.put(config)
        self._put_picture = lru_cache(_KEPT_PICTURES)(ray.put)

    def __call__(self) -> RayWorker:
        """Return one more worker; Ray starts it when there is room."""
        actor = ray.remote(WorkerRelay).options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_restarts=0,
            scheduling_strategy="SPREAD",
        )
        return RayWorker(actor.remote(self._config), self._put_picture)

    @property
    def room(self) -> int:
        """Number of workers that fit on the cluster as it is."""
        by_gpus = [int(self.available("GPU") / self._gpus)] if self._gpus else []
        return min([int(self.available("CPU") / self._cpus), *by_gpus])

    def available(self, resource: str) -> float:
        """Return the amount of a resource, "CPU" or "GPU", on the cluster."""
        return float(ray.cluster_resources().get(resource, 0))


@dataclass(frozen=True)
class RayWorker:
    """A `bench.engine.executors.worker_pool.Worker` that is an actor.

    Attributes:
        actor: actor of a `WorkerRelay`.
        put_picture: puts a source picture into the object store, once.
    """

    actor: Any
    put_picture: Any

    def start(self) -> str:
        """Wait until the actor is placed and ready; return its host and process."""
        with _ray_errors_as_lost():
            host = ray.get(self.actor.start.remote())
        if isinstance(host, (BenchError, LostError)):
            raise host
        return str(host)

    def run(self, item: WorkItem) -> Iterator[JobEvent]:
        """Run a work item in the actor; yield its events as they arrive."""
        yield from from_messages(item, self._answers(item))

    def stop(self) -> None:
        """Stop the actor at once."""
        with suppress(RayError, RuntimeError):  # the actor or the cluster may have ended
            ray.kill(self.actor)

    def _answers(self, item: WorkItem) -> Iterator[Answer]:
        with _ray_errors_as_lost():
            stream = self.actor.run.options(num_returns="streaming").remote(
                pack(item), *map(self.put_picture, item.pictures)
            )
            for answer in stream:
                yield ray.get(answer)


@contextmanager
def _ray_errors_as_lost() -> Iterator[None]:
    try:
        yield
    except RayError as error:
        raise LostError(one_line(error)) from error
