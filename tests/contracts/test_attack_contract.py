"""The shipped test kit: every attack of the table passes it, those broken on purpose do not."""

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
from bench.budget import L2, Linf
from bench.crafting.craft import RejectedError
from bench.registry.registry import ComponentSpec, instantiate, parameters
from bench.suite.fields import BUDGETS
from bench.testing import AttackContract
from bench.testing.attack import BALLS

QUICK = {"steps": 5, "restarts": 2, "searches": 2, "queries": 12, "samples": 4}


def _made(name):
    """An attack by its name, with few steps."""
    fields = parameters("attack", name).model_fields
    quick = tuple((key, value) for key, value in QUICK.items() if key in fields)
    return instantiate("attack", ComponentSpec(name, quick))


class TestEveryAttack(AttackContract):
    attacks = tuple(map(_made, ATTACKS))


@dataclass(frozen=True)
class Broken(PGD):
    """PGD with few steps, to be spoilt."""

    steps: int = 4


class TooFar(Broken):
    def __call__(self, target, images, budget, rngs):
        found = super().__call__(target, images, budget, rngs)
        return replace(found, images=images + 1.1 * (found.images - images))


class Drifting(Broken):
    """Draws from torch's own generator."""

    def __call__(self, target, images, budget, rngs):
        drawn = [torch.Generator().manual_seed(int(torch.randint(2**31, ()))) for _ in rngs]
        return super().__call__(target, images, budget, drawn)


class LastNotBest(Broken):
    """Goes down and returns where it came to."""

    def __call__(self, target, images, budget, rngs):
        start = budget.sample(images, rngs)
        values, gradients = target.value_and_grad(start)
        found = super().__call__(target, images, budget, rngs)
        down = budget.project(start - budget.steepest(gradients), images)
        return replace(found, images=down, trace=values[None])


class Coupled(Broken):
    """Gives every picture of a batch the change that the first one's gradient asks for."""

    def __call__(self, target, images, budget, rngs):
        found = super().__call__(target, images, budget, rngs)
        _, gradients = target.value_and_grad(images)
        lent = budget.project(images - budget.steepest(gradients[:1] - gradients), images)
        return replace(found, images=torch.cat([found.images[:1], lent[1:]]))


class Greedy(Broken):
    evaluations: ClassVar[int] = 3


class Insatiable(Square):
    evaluations: ClassVar[int] = 3


class Unknown(Broken):
    budgets: ClassVar[tuple[str, ...]] = ("linf", "l7")


class Free(Broken):
    needs: ClassVar = "nothing"


LINF = Linf(8)


@pytest.mark.parametrize(
    ("attack", "check", "arguments"),
    [
        (TooFar(), "stays_inside_its_budget_once_rounded", (Linf(8), (5, 3))),
        (TooFar(), "stays_inside_its_budget_once_rounded", (L2(60), (5, 3))),
        (Drifting(), "s_seed_is_the_only_chance", (Linf(8),)),
        (LastNotBest(), "never_ends_below_its_start", (Linf(8), "source")),
        (Coupled(), "a_batch_is_as_good_as_one_by_one", (Linf(8),)),
        (Greedy(), "asks_no_more_than_it_says", (Linf(8),)),
        (Insatiable(queries=5), "asks_no_more_than_it_says", (Linf(8),)),
        (Unknown(), "declares_itself", ()),
        (Free(), "declares_itself", ()),
        (object(), "declares_itself", ()),
    ],
)
def test_an_attack_that_is_broken_does_not_pass(attack, check, arguments):
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


def test_a_file_of_a_few_lines_is_enough(tmp_path):
    path = tmp_path / "test_mine.py"
    path.write_text(_MINE)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    assert all(f"IFGSM-{kind}" in done.stdout for kind in BUDGETS)


def test_no_kind_of_budget_goes_untried():
    assert {ball.kind for ball in BALLS} == set(BUDGETS)


def test_running_needs_no_pytest():
    asked = "import sys, bench.cli.main, bench.suite.json_schema, attacks"
    asked += "; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
