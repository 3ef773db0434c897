"""Conformance tests of attacks.

::

    from bench.testing import AttackContract
    from my_package import MyAttack

    class TestMyAttack(AttackContract):
        attacks = (MyAttack(steps=10),)

pytest runs every check on every attack with every kind of budget that the attack supports. The
target is the toy codec, which is linear and fast; a few steps are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Half, Objective, Target, View, given
from bench.budget import L2, Budget, Linf, Mse, Region, Unlimited
from bench.codec import Codec
from bench.crafting.craft import make_target_view, quantise_and_check
from bench.crafting.oracle import QUERIES_SPENT
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.floors.metric_floor import HaarPsi
from bench.floors.ssim import Ssim
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, unavailable
from bench.suite.fields import BUDGETS
from bench.tensors import to_image, to_tensor

SIZES = ((1, 1), (1, 7), (5, 3), (17, 33))
"""Height and width of the attacked pictures; smaller sides are raised to the budget's least."""

SAME = 0.01
"""Largest relative difference of the objective between a batch and single pictures."""

_ROUNDING = 1e-5
_CORNER = Region(0, 0, 3, 2)
BALLS: tuple[Budget, ...] = (
    Linf(8),
    L2(60),
    Mse(5e-4),
    Linf(8, region=_CORNER),
    L2(20, region=_CORNER),
    Ssim(0.1),
    Ssim(0.05, cap=6),
    *(() if unavailable("metric", HaarPsi.kind) else (HaarPsi(0.1),)),
    Unlimited(),
)
"""The budgets of the checks. `cvvdp` is left out, because it takes minutes; HaarPSI stands for it
where its package is installed."""


class Linear:
    """The linear objective w . C(x).

    On the toy codec, for values away from 0 and 255, the largest increase inside a ball has a
    closed form: gain * epsilon * ||w||_1 in linf, gain * epsilon * ||w||_2 in l2.

    Args:
        weights: w, (3, H, W) or (B, 3, H, W).
    """

    needs: ClassVar[Half] = "reconstruction"
    wants_clean: ClassVar[bool] = False

    def __init__(self, weights: Tensor) -> None:
        self._weights = weights

    def __call__(self, view: View) -> Tensor:
        """Return the inner product of each picture, (B,)."""
        product: Tensor = (given(view.reconstruction) * self._weights).flatten(1).sum(1)
        return product


class CountingTarget:
    """A target that counts its evaluations and keeps the values of the first one.

    Attributes:
        first: the values of the first pictures, (B,); None before the first evaluation.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._own = 0
        self._others: list[CountingTarget] = []
        self.first: Tensor | None = None

    @property
    def count(self) -> int:
        """The number of evaluated pictures so far."""
        return self._own + sum(other.count for other in self._others)

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values (B,) and gradients (B, 3, H, W)."""
        values, gradients = self._target.value_and_grad(images)
        return self._counted(values), gradients

    def value(self, images: Tensor) -> Tensor:
        """Return the values, (B,)."""
        return self._counted(self._target.value(images))

    def around(self, source: Tensor) -> CountingTarget:
        """Return the same target with other source pictures, counted together with this one."""
        self._others.append(CountingTarget(self._target.around(source)))
        return self._others[-1]

    def query(
        self, images: npt.NDArray[np.uint8], owners: Sequence[int] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the values of encoded and decoded pictures, (N,); rejected queries count too."""
        self._own += len(images)
        values = self._target.query(images, owners)
        if self.first is None:
            _, firsts = np.unique(
                range(len(images)) if owners is None else owners, return_index=True
            )
            self.first = torch.from_numpy(values[firsts])
        return values

    def _counted(self, values: Tensor) -> Tensor:
        self._own += len(values)
        self.first = values if self.first is None else self.first
        return values


class AttackContract:
    """The checks of attacks. Derive a test class and set `attacks`.

    Attributes:
        attacks: the attacks to test, with few steps.
    """

    attacks: ClassVar[Sequence[Attack]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrise every check with the attacks and the budgets that each supports."""
        if "ball" in metafunc.fixturenames:
            pairs = [(a, ball) for a in self.attacks for ball in BALLS if ball.kind in a.budgets]
            metafunc.parametrize(
                ("attack", "ball"), pairs, ids=[f"{_name(a)}-{ball}" for a, ball in pairs]
            )
        elif "attack" in metafunc.fixturenames:
            metafunc.parametrize("attack", self.attacks, ids=_name)

    def test_it_declares_itself(self, attack: Attack) -> None:
        """It has the attributes of `bench.attack.Attack`, with consistent values."""
        assert isinstance(attack, Attack), "it does not implement bench.attack.Attack"
        assert attack.needs in {"nothing", "gradient", "queries"}, f"`needs` is {attack.needs!r}"
        assert attack.budgets, "`budgets` is empty"
        assert set(attack.budgets) <= set(BUDGETS), (
            f"`budgets` has an unknown kind: {attack.budgets}"
        )
        assert attack.version >= 1, "`version` is less than 1"
        evaluates = attack.needs != "nothing"
        assert (attack.evaluations > 0) == evaluates, "`evaluations` and `needs` are inconsistent"

    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_the_rounded_picture_is_inside_the_budget(
        self, attack: Attack, ball: Budget, size: tuple[int, int]
    ) -> None:
        """The 8-bit picture has the size of the source and is inside the budget."""
        source = _pictures(ball, 1, *size)
        result, _ = _search(attack, source, ball)
        image = quantise_and_check(result, source, ball)
        levels = torch.from_numpy(image.copy()).permute(2, 0, 1).unsqueeze(0)
        assert image.shape == (*source.shape[-2:], 3)
        assert ball.holds(levels, (source * 255).round()) == [True], (
            f"the picture is outside {ball}"
        )

    def test_the_result_depends_only_on_the_seed(self, attack: Attack, ball: Budget) -> None:
        """The same seed gives the same picture, whatever the state of torch's generator."""
        source = _pictures(ball, 1, 5, 7)
        torch.manual_seed(1)
        first, _ = _search(attack, source, ball)
        torch.manual_seed(2)
        again, _ = _search(attack, source, ball)
        assert torch.equal(first.images, again.images), (
            "a second search with the same seed gave another picture"
        )

    @pytest.mark.parametrize("reference", ["source", "clean"])
    def test_the_result_is_at_least_as_good_as_the_start(
        self, attack: Attack, ball: Budget, reference: str
    ) -> None:
        """The value of the result is at least the first value that the attack evaluated."""
        source, objective = _pictures(ball, 2, 9, 6), _distortion(reference)
        result, target = _search(attack, source, ball, objective)
        if target.first is not None:
            values = _values(attack, result, source, ball, objective)
            least = target.first - _ROUNDING * target.first.abs()
            assert bool((values >= least).all()), f"{values} is below {target.first}"

    def test_it_uses_at_most_the_stated_evaluations(self, attack: Attack, ball: Budget) -> None:
        """`evaluations` is an upper bound of the evaluations per picture."""
        for count in (1, 2):
            result, target = _search(attack, _pictures(ball, count, 9, 6), ball)
            assert target.count <= count * attack.evaluations, f"it used {target.count} evaluations"
            assert QUERIES_SPENT not in chain(*result.flags), (
                "it tried more queries than `evaluations`"
            )

    def test_a_batch_gives_the_same_values_as_single_pictures(
        self, attack: Attack, ball: Budget
    ) -> None:
        """A picture in a batch gets the same value as alone, within 1 %."""
        source, objective = _pictures(ball, 3, 7, 10), _distortion("source")
        batch, _ = _search(attack, source, ball, objective)
        values = _values(attack, batch, source, ball, objective)
        for index, picture in enumerate(source.split(1)):
            single, _ = _search(attack, picture, ball, objective, seed=index)
            (value,) = _values(attack, single, picture, ball, objective)
            assert torch.allclose(values[index], value, rtol=SAME), (
                f"picture {index}: {values[index]} in a batch, {value} alone"
            )


def _name(attack: Any) -> str:  # noqa: ANN401 - pytest passes any parameter
    return type(attack).__name__


def _toy() -> Codec:
    codec: Codec = instantiate("codec", ComponentSpec("toy", (("gain", 0.5),)))
    return codec


def _distortion(reference: str) -> Objective:
    objective: Objective = instantiate(
        "objective", ComponentSpec("distortion", (("reference", reference),))
    )
    return objective


def _pictures(ball: Budget, count: int, height: int, width: int) -> Tensor:
    """Draw pictures of different brightness, with some values at 0 and 255.

    Sides that are too small for the budget are raised to its least side.
    """
    height, width = (max(side, ball.least_side) for side in (height, width))
    rng = np.random.default_rng(11)
    drawn = rng.integers(-40, 296, (count, height, width, 3)) // np.arange(1, count + 1).reshape(
        -1, 1, 1, 1
    )
    return torch.cat([to_tensor(image) for image in drawn.clip(0, 255).astype(np.uint8)])


def _search(
    attack: Attack,
    source: Tensor,
    ball: Budget,
    objective: Objective | None = None,
    seed: int = 0,
) -> tuple[AttackResult, CountingTarget]:
    """Run the search as the harness does. An attack that needs nothing gets an empty target."""
    objective = objective or _distortion("source")
    targets = [] if attack.needs == "nothing" else [CodecTarget(_toy(), objective, source)]
    target = CountingTarget(make_target_view(attack, targets, source, ball))
    return run_attack(attack, target, source.clone(), ball, seed), target


def _values(
    attack: Attack, result: AttackResult, source: Tensor, ball: Budget, objective: Objective
) -> Tensor:
    """Return the objective of the result as the attack evaluates it, (B,)."""
    target = CodecTarget(_toy(), objective, source)
    if attack.needs != "queries":
        return target.value(result.images)
    levels = ball.rounded(result.images, source).float() / 255
    return torch.from_numpy(
        target.query(np.stack([to_image(picture) for picture in levels.split(1)]))
    )
