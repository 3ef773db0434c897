"""Creates and checks the codecs, attacks, objectives and metrics that a suite names."""

from __future__ import annotations

from contextlib import nullcontext

from bench.attack import Attack, Objective, WarmStarting
from bench.codec import Codec, Randomised
from bench.errors import ConfigError, MissingPackageError, writable
from bench.metric import AnyMetric, is_metric
from bench.planning.operating_point import NamedMetric, OperatingPoint, PlannedAttack, ScoringSpec
from bench.registry import registry
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import Component
from bench.suite.suite import Suite
from bench.utils.startup_call import startup_call
from bench.wrapping import offers_gradients


def make_codec(choice: ComponentSpec) -> Codec:
    """Create a codec that a suite names.

    Raises:
        ConfigError: the codec cannot run on this machine, or is not a `bench.codec.Codec`.
    """
    codec = registry.instantiate("codec", choice)
    if not isinstance(codec, Codec):
        raise ConfigError(f"the codec '{choice}' is not a bench.codec.Codec; derive it from that")
    return codec


def make_attack(choice: ComponentSpec) -> Attack:
    """Create an attack that a suite names.

    Raises:
        ConfigError: the attack cannot run on this machine, or does not implement
            `bench.attack.Attack`.
    """
    attack = registry.instantiate("attack", choice)
    if not isinstance(attack, Attack):
        raise ConfigError(
            f"the attack '{choice}' does not implement bench.attack.Attack; define all attributes"
            " of that class"
        )
    return attack


def scoring_spec(suite: Suite) -> ScoringSpec:
    """Return the scoring settings of a suite, with its metrics created.

    Raises:
        ConfigError: a metric cannot run on this machine, or does not implement
            `bench.metric.Metric`.
    """
    metrics = tuple(NamedMetric(choice, _metric(choice)) for choice in suite.named_metrics)
    return ScoringSpec(suite.rd_lambda, suite.vmaf, metrics)


def _metric(choice: ComponentSpec) -> AnyMetric:
    metric = registry.instantiate("metric", choice)
    if not is_metric(metric):
        raise ConfigError(
            f"the metric '{choice}' does not implement bench.metric.Metric; define all attributes"
            " of that class"
        )
    return metric


def check_floors(suite: Suite) -> None:
    """Check that the metrics of the suite's budgets can be computed on this machine.

    Raises:
        MissingPackageError: one cannot.
    """
    for name in suite.floor_metrics:
        if problem := registry.unavailable("metric", name):
            raise MissingPackageError(f"a budget in {name} {problem}")


def make_objective(choice: ComponentSpec) -> Objective:
    """Create an objective that a suite names."""
    objective: Objective = registry.instantiate("objective", choice)
    return objective


def operating_point(choice: Component, codec: Codec) -> OperatingPoint:
    """Return the properties of a codec that planning needs.

    Raises:
        ConfigError: the codec's fingerprint is no text.
    """
    with startup_call(f"fingerprint() of {choice}") if choice.is_foreign else nullcontext():
        fingerprint = codec.fingerprint()
        has_gradients = offers_gradients(codec)
    if not isinstance(fingerprint, str) or writable(fingerprint) != fingerprint:
        raise ConfigError(
            f"the fingerprint of the codec '{choice}' is {fingerprint!r}, which is no text; correct"
            " its fingerprint()"
        )
    random = isinstance(codec, Randomised)
    return OperatingPoint(choice, fingerprint, has_gradients, random)


def planned_attack(choice: Component, attack: Attack) -> PlannedAttack:
    """Return the properties of an attack that planning needs.

    Raises:
        ConfigError: a setting of the suite needs what the attack does not have.
    """
    if choice.start_from and not isinstance(attack, WarmStarting):
        raise ConfigError(
            f"the attack '{choice}' cannot start from given pictures; remove 'start_from'"
        )
    if choice.extensions and not isinstance(getattr(attack, "steps", None), int):
        raise ConfigError(f"the attack '{choice}' has no steps to double; remove 'extensions'")
    return PlannedAttack(choice, attack.needs, attack.budgets, attack.version, attack.evaluations)
