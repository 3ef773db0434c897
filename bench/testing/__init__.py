"""The test kit for plugins: conformance tests of codecs, attacks, defences and metrics.

Derive a test class from a contract; pytest runs its checks::

    from bench.testing import AttackContract, CodecContract, DefenceContract, MetricContract
    from my_package import MyAttack, MyCodec, MyDefence, MyMetric

    class TestMyCodec(CodecContract):
        def codec(self):
            return MyCodec(quality=50)

    class TestMyAttack(AttackContract):
        attacks = (MyAttack(steps=10),)

    class TestMyDefence(DefenceContract):
        def defence(self):
            return MyDefence()

    class TestMyMetric(MetricContract):
        def metric(self):
            return MyMetric()

Only `AttackContract` needs pytest. `bench check` runs `CodecContract` without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.testing.codec import CodecContract
from bench.testing.defence import DefenceContract
from bench.testing.metric import MetricContract

if TYPE_CHECKING:
    from bench.testing.attack import AttackContract, Linear

__all__ = ["AttackContract", "CodecContract", "DefenceContract", "Linear", "MetricContract"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class of the other module
    if name not in __all__:
        raise AttributeError(name)
    try:
        from bench.testing import attack  # noqa: PLC0415 - it imports pytest
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} needs pytest: pip install 'codec-robustness-bench[test]'"
        ) from error
    return getattr(attack, name)
