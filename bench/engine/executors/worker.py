"""The worker's side of a run with several workers.

    Prepared --WorkerConfig, sent once--> WorkerSession --on first use--> codecs, attacks

A worker makes its own codecs, by name, from its own programs and weights. It therefore compares
their fingerprints and versions with those of the run; others would give other records under the
same keys.
"""

from __future__ import annotations

import os
import pickle
import platform
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.attack import Attack, Objective
from bench.codec import Codec
from bench.engine.executors.messages import Answer, to_message, unpack
from bench.engine.job_runner import JobRunner
from bench.engine.runner import Prepared, versions
from bench.errors import BenchError, ConfigError
from bench.images.image_set import Picture
from bench.isolation import CALL_LIMIT_S
from bench.isolation.coder_pool import shared_pool
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.planning.resolve import make_attack, make_codec, scoring_spec
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.suite.suite import Suite
from bench.utils.child_process import Parent
from bench.utils.foreign_call import report_limits
from bench.utils.machine import configure_threads
from bench.utils.precision import require_compiler


@dataclass(frozen=True)
class WorkerConfig:
    """The description of a run that every worker is sent once.

    Attributes:
        plugins: plugins, which must be loaded before `content` can be read.
        content: pickle of the suite, its objectives (with the pictures they hold) and versions.
        witness_picture: name of the picture that each codec also decodes in another process.
        call_limit_s: time limit of a call, see `bench.utils.foreign_call.call_limit`; None for a
            suite without foreign code.
    """

    plugins: tuple[str, ...]
    content: bytes
    witness_picture: str
    call_limit_s: float | None

    @classmethod
    def of(cls, prepared: Prepared, call_limit_s: float) -> WorkerConfig:
        """Return the description of a run.

        Raises:
            ConfigError: an objective of a plugin cannot be sent to another process.
        """
        suite = prepared.suite
        try:
            content = pickle.dumps((suite, prepared.objectives, versions(suite)))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"an objective of this suite cannot be sent to another process ({error}); use"
                " --executor serial"
            ) from error
        limit_s = call_limit_s if prepared.has_foreign_code else None
        return cls(plugins.loaded(), content, prepared.witness_picture, limit_s)


@dataclass
class ComponentCache:
    """The components of one worker, each made when it is first used."""

    suite: Suite
    objectives: dict[str, Objective]
    witness_picture: str
    _codecs: dict[str, Codec] = field(default_factory=dict)
    _attacks: dict[str, Attack] = field(default_factory=dict)

    @cached_property
    def terms(self) -> ScoringSpec:
        """The suite's specification of scoring."""
        return scoring_spec(self.suite)

    def codec(self, point: OperatingPoint) -> Codec:
        """Return the codec of an operating point, made once.

        Raises:
            ConfigError: it is not available here, or its fingerprint is not the one in the plan.
        """
        if point.label not in self._codecs:
            codec = make_codec(point.choice)
            if codec.fingerprint() != point.fingerprint:
                raise ConfigError(
                    f"'{point.label}' is {codec.fingerprint()}, where the run began it is"
                    f" {point.fingerprint}; give all machines the same weights and programs"
                )
            self._codecs[point.label] = codec
        return self._codecs[point.label]

    def attack(self, choice: ComponentSpec) -> Attack:
        """Return an attack, made once."""
        if str(choice) not in self._attacks:
            self._attacks[str(choice)] = make_attack(choice)
        return self._attacks[str(choice)]

    def objective(self, choice: ComponentSpec) -> Objective:
        """Return an objective of the suite."""
        return self.objectives[str(choice)]


class WorkerSession:
    """The state of a worker; it lives as long as its process.

    Errors are returned, because an exception would not reach the run unchanged.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config

    def start(self) -> str | BenchError:
        """Read the description of the run; return host and process, or why no job can run here."""
        try:
            self._read_config()
        except BenchError as error:
            return error
        return f"{host()}, process {os.getpid()}"

    def run(self, packed: bytes, *pictures: Picture) -> Iterator[Answer]:
        """Run a packed work item on its source pictures; yield the messages for its events."""
        configure_threads(self._suite.compute.threads)
        try:
            for event in self._runner.run(unpack(packed, pictures)):
                yield to_message(event)
        except BenchError as error:
            yield type(error)(f"{host()}: {error}")
        except Exception:  # noqa: BLE001 - an error of the harness is reported by the run
            yield RuntimeError(f"on {host()}: {traceback.format_exc()}")

    def _read_config(self) -> None:
        for name in self._config.plugins:
            plugins.load(name, Path())
        suite, objectives, expected = pickle.loads(self._config.content)  # noqa: S301 - our own
        _check_versions(versions(suite), expected)
        require_compiler(suite.compute.arithmetic)
        self._suite: Suite = suite
        components = ComponentCache(suite, objectives, self._config.witness_picture)
        pool = shared_pool(suite.compute.threads, self._config.call_limit_s or CALL_LIMIT_S)
        self._runner = JobRunner(components, suite.compute.batch, pool)


def host() -> str:
    """Return the name of this machine."""
    return platform.node() or "a machine without a name"


def _check_versions(own: Mapping[str, str], expected: Mapping[str, str]) -> None:
    for name in sorted(own.keys() | expected.keys()):
        if own.get(name) != expected.get(name):
            raise ConfigError(
                f"{name} is {own.get(name)} on {host()} and {expected.get(name)} where the run"
                " began; install the same versions on all machines"
            )


def main(parent: Parent) -> None:
    """Run work items, one after the other, in a child process; never returns."""
    config: WorkerConfig = parent.receive()
    if config.call_limit_s is not None:
        report_limits(parent.send, config.call_limit_s)
    session = WorkerSession(config)
    parent.send(session.start())
    while True:
        for answer in session.run(*parent.receive()):
            parent.send(answer)
        parent.send(None)
