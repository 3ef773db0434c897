"""What a worker needs to know of a run, and what it makes of that.

    Prepared --Kit, sent once--> Bench --first use--> codecs, attacks

A worker makes its own codecs, by name, with its own programs and files of weights. So it compares:
one whose codecs or versions are not those of the plan would give other records under the same keys.
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
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.planning.resolve import make_attack, make_codec, terms_of
from bench.registry import plugins
from bench.registry.registry import ComponentSpec
from bench.suite.suite import Suite
from bench.utils.child_process import Parent
from bench.utils.machine import configure_threads
from bench.utils.precision import require_compiler


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker is sent, once.

    Attributes:
        plugins: to be loaded before anything else can be read.
        content: the suite, its objectives (with the pictures they hold) and versions, pickled.
    """

    plugins: tuple[str, ...]
    content: bytes

    @classmethod
    def of(cls, prepared: Prepared) -> WorkerConfig:
        """Return the kit of a run.

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
        return cls(plugins.loaded(), content)


@dataclass
class ComponentCache:
    """The tools of one worker, each made when it is first needed."""

    suite: Suite
    objectives: dict[str, Objective]
    _codecs: dict[str, Codec] = field(default_factory=dict)
    _attacks: dict[str, Attack] = field(default_factory=dict)

    @cached_property
    def terms(self) -> ScoringSpec:
        """What the suite says of scoring."""
        return terms_of(self.suite)

    def codec(self, point: OperatingPoint) -> Codec:
        """Return the codec of an operating point, made once.

        Raises:
            ConfigError: it cannot be had here, or it is not the one that the plan is made for.
        """
        if point.label not in self._codecs:
            made = make_codec(point.choice)
            if made.fingerprint() != point.fingerprint:
                raise ConfigError(
                    f"'{point.label}' is {made.fingerprint()}, where the run began it is"
                    f" {point.fingerprint}; give all machines the same weights and programs"
                )
            self._codecs[point.label] = made
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
    """Where a worker works; lives as long as its process, or its Ray actor.

    What it refuses it returns, because an exception would not come through as it is.
    """

    def __init__(self, kit: WorkerConfig) -> None:
        self._kit = kit

    def introduce(self) -> str | BenchError:
        """Unpack the kit; return host and process, or why no task can be done here."""
        try:
            self._settle_in()
        except BenchError as error:
            return error
        return f"{host()}, process {os.getpid()}"

    def do(self, packed: bytes, *pictures: Picture) -> Iterator[Answer]:
        """Do a packed task on source pictures, answering with what is made as it comes."""
        configure_threads(self._suite.compute.threads)
        try:
            for made in self._workshop.run(unpack(packed, pictures)):
                yield to_message(made)
        except BenchError as error:
            yield type(error)(f"{host()}: {error}")
        except Exception:  # noqa: BLE001 - a fault of the harness is told where it is looked for
            yield RuntimeError(f"on {host()}: {traceback.format_exc()}")

    def _settle_in(self) -> None:
        for name in self._kit.plugins:
            plugins.load(name, Path())
        suite, objectives, wanted = pickle.loads(self._kit.content)  # noqa: S301 - our own
        _compare(versions(suite), wanted)
        require_compiler(suite.compute.arithmetic)
        self._suite: Suite = suite
        self._workshop = JobRunner(ComponentCache(suite, objectives), suite.compute.batch)


def host() -> str:
    """Return the name of this machine."""
    return platform.node() or "a machine without a name"


def _compare(own: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    for name in sorted(own.keys() | wanted.keys()):
        if own.get(name) != wanted.get(name):
            raise ConfigError(
                f"{name} is {own.get(name)} on {host()} and {wanted.get(name)} where the run"
                " began; install the same versions on all machines"
            )


def main(parent: Parent) -> None:
    """Do tasks, one after the other."""
    bench = WorkerSession(parent.receive())
    parent.send(bench.introduce())
    while True:
        for answer in bench.do(*parent.receive()):
            parent.send(answer)
        parent.send(None)
