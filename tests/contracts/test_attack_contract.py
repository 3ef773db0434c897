"""Conformance tests of attacks: all built-in attacks pass; attacks with a fault fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from attacks import ATTACKS
from attacks.gradient.pgd import PGD
from attacks.query.square import Square
from bench.budget import BALLS as LIMITED
from bench.budget import L2, Linf
from bench.crafting.search import RejectedError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, parameters, unavailable
from bench.suite.fields import BUDGETS
from bench.testing import AttackContract
from bench.testing.attack import BALLS

QUICK = {"steps": 5, "restarts": 2, "searches": 2, "queries": 12, "samples": 4}
QUICK |= {"rounds": 3, "goal": 0.2, "relative": False, "kind": "glass_blur"}
QUICK |= {"severity": 2}


LEFT_OUT = {"cvvdp"} | ({"haarpsi"} if unavailable("metric", "haarpsi") else set())
"""Budgets of metrics that take minutes or are not installed: tests/metrics/test_floors.py."""


def _quick_attack(name):
    """Return an attack with few steps."""
    fields = parameters("attack", name).model_fields
    quick = tuple((key, value) for key, value in QUICK.items() if key in fields)
    return instantiate("attack", ComponentSpec(name, quick))


class TestEveryAttack(AttackContract):
    attacks = tuple(map(_quick_attack, ATTACKS))


@dataclass(frozen=True)
class Broken(PGD):
    """PGD with few steps, the base of attacks with a fault."""

    steps: int = 4


class TooFar(Broken):
    def __call__(self, target, images, budget, rngs):
        result = super().__call__(target, images, budget, rngs)
        return replace(result, images=images + 1.1 * (result.images - images))


class Drifting(Broken):
    """Uses torch's global generator."""

    def __call__(self, target, images, budget, rngs):
        drawn = [torch.Generator().manual_seed(int(torch.randint(2**31, ()))) for _ in rngs]
        return super().__call__(target, images, budget, drawn)


class LastNotBest(Broken):
    """Returns a picture below its start."""

    def __call__(self, target, images, budget, rngs):
        start = budget.sample(images, rngs)
        values, gradients = target.value_and_grad(start)
        result = super().__call__(target, images, budget, rngs)
        down = budget.project(start - budget.steepest(gradients), images)
        return replace(result, images=down, trace=values[None])


class Coupled(Broken):
    """Uses the gradient of the first picture for all pictures of a batch."""

    def __call__(self, target, images, budget, rngs):
        result = super().__call__(target, images, budget, rngs)
        _, gradients = target.value_and_grad(images)
        lent = budget.project(images - budget.steepest(gradients[:1] - gradients), images)
        return replace(result, images=torch.cat([result.images[:1], lent[1:]]))


class Greedy(Broken):
    evaluations: ClassVar[int] = 3


class GreedyQueries(Square):
    evaluations: ClassVar[int] = 3


class Unknown(Broken):
    budgets: ClassVar[tuple[str, ...]] = ("linf", "l7")


class Free(Broken):
    needs: ClassVar = "nothing"


LINF = Linf(8)


@pytest.mark.parametrize(
    ("attack", "check", "arguments"),
    [
        (TooFar(), "rounded_picture_is_inside_the_budget", (Linf(8), (5, 3))),
        (TooFar(), "rounded_picture_is_inside_the_budget", (L2(60), (5, 3))),
        (Drifting(), "result_depends_only_on_the_seed", (Linf(8),)),
        (LastNotBest(), "at_least_as_good_as_the_start", (Linf(8), "source")),
        (Coupled(), "a_batch_gives_the_same_values", (Linf(8),)),
        (Greedy(), "uses_at_most_the_stated_evaluations", (Linf(8),)),
        (GreedyQueries(queries=5), "uses_at_most_the_stated_evaluations", (Linf(8),)),
        (Unknown(), "declares_itself", ()),
        (Free(), "declares_itself", ()),
        (object(), "declares_itself", ()),
    ],
)
def test_an_attack_with_a_fault_fails(attack, check, arguments):
    checks = [getattr(AttackContract(), name) for name in dir(AttackContract) if check in name]
    assert len(checks) == 1
    with pytest.raises((AssertionError, RejectedError)):
        checks[0](attack, *arguments)


_MINE = """\
from attacks.gradient.pgd import IFGSM
from bench.testing import AttackContract


class TestMine(AttackContract):
    attacks = (IFGSM(steps=3),)
"""


def test_a_contract_runs_in_a_test_file_of_a_few_lines(tmp_path):
    path = tmp_path / "test_mine.py"
    path.write_text(_MINE)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    assert all(f"IFGSM-{kind}" in done.stdout for kind in set(LIMITED) - LEFT_OUT)


def test_every_kind_of_budget_is_tested():
    assert {ball.kind for ball in BALLS} == set(BUDGETS) - LEFT_OUT


def test_the_command_line_does_not_import_pytest():
    code = "import sys, bench.cli.main, bench.suite.json_schema, attacks"
    code += "; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
