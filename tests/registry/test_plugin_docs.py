"""The attack and the objective in docs/plugins.md work as described there."""

from __future__ import annotations

import re

import pytest

from bench.budget import Linf
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.registry.component_spec import ComponentSpec
from bench.registry.plugins import load
from bench.registry.registry import instantiate
from bench.suite.suite import Suite
from bench.tensors import to_tensor
from bench.testing import AttackContract
from bench.utils.yaml_config import parse
from paths import ROOT

DOCS = ROOT / "docs/plugins.md"


def _code(name):
    (block,) = re.findall(rf"```python\n(# {name}.*?)```", DOCS.read_text(), re.DOTALL)
    return block


_ATTACK: dict[str, type] = {"__name__": __name__}
exec(_code("my_attack.py"), _ATTACK)


class TestAscent(AttackContract):
    attacks = (_ATTACK["Ascent"](steps=5),)


@pytest.fixture
def plugins(tmp_path):
    for name in ("my_attack.py", "my_objective.py"):
        (tmp_path / name).write_text(_code(name))
        load(name, tmp_path)


def test_the_attack_increases_the_objective(plugins, photograph):
    source = to_tensor(photograph("coffee", 16, 24))
    codec = instantiate("codec", ComponentSpec("toy", (("gain", 0.5),)))
    target = CodecTarget(codec, instantiate("objective", ComponentSpec("worst-pixel")), source)
    attack = instantiate("attack", ComponentSpec("ascent", (("steps", 10),)))
    result = run_attack(attack, target, source, Linf(8), 1)
    assert result.trace.shape == (10, 1)
    assert target.value(result.images) > target.value(source)


def test_the_programs_are_operating_points_of_one_codec():
    (block,) = re.findall(
        r"```yaml\n(codecs:\n  - {name: command.*?)```", DOCS.read_text(), re.DOTALL
    )
    rest = "name: a\nimages: {set: sample}\nattacks: [fgsm]\nbudgets: [linf: 8]\n"
    points = parse(rest + block, "a.yaml", Suite).operating_points
    assert [str(point) for point in points] == ["webp 30", "webp 75"]
