"""The test kit for whoever adds something: subclass a contract, and pytest checks it.

from bench.testing import AttackContract, CodecContract, DefenceContract, MetricContract
from my_package import Guard, Mine, Rule, Search

class TestMine(CodecContract):
    def codec(self):
        return Mine(quality=50)

class TestSearch(AttackContract):
    attacks = (Search(steps=10),)

class TestGuard(DefenceContract):
    def defence(self):
        return Guard()

class TestRule(MetricContract):
    def metric(self):
        return Rule()

The contract of attacks needs pytest, the others do not: `bench check` uses that of codecs, too.
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
