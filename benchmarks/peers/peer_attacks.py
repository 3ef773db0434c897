"""Attacks of other libraries as a plugin, so that the harness runs and scores them like its own.

    plugins: [peer_attacks.py]
    attacks: [{name: adv-lib-apgd, gradients: 100}]

    adv-lib-apgd, adv-lib-pgd                     adversarial-library (adv-lib)
    torchattacks-apgd, torchattacks-pgd,
    torchattacks-mifgsm                           torchattacks
    tmla                                          T-MLA, the authors' package

The libraries attack classifiers: they ascend the cross-entropy of a label. `_Classifier` is a model
of two classes whose cross-entropy of label 0 is the value of our target, divided by a constant,
with the gradient of our target. The libraries then do what they always do. Their minimum-norm
attacks (DDN, FMN, ALMA, C&W) stop at a decision boundary, which a codec does not have, and are left
out.

Three things are decided in favour of the libraries. The best picture that a library evaluated
inside the budget counts, although some of them return their last one. Step sizes are shares of the
radius, as large as in the libraries' defaults. T-MLA, which only weighs the size of its
perturbation in its loss, sees pictures that are already projected onto the budget.

The packages are optional: `pip install -e '.[peers]'`.
"""

from __future__ import annotations

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.attack import AttackResult, Target
from bench.budget import EUCLIDEAN, Budget, Linf
from bench.entry import Entry
from bench.errors import Unsupported

_ROOM = 10.0
"""The cross-entropy of the source picture is 1 / _ROOM, below ln 2: the label is then predicted.
torchattacks only attacks pictures whose label is predicted."""


class _Evaluations:
    """Evaluates pictures of a library on our target, and keeps the best ones inside the budget."""

    def __init__(self, target: Target, source: Tensor, budget: Budget) -> None:
        self._target = target
        self._source = source
        self._budget = budget
        self._best = source
        self._best_values = torch.full((len(source),), -torch.inf, device=source.device)
        self._trace: list[Tensor] = []

    def value(self, images: Tensor) -> Tensor:
        """Return the values, (B,), of pictures, float (B, 3, H, W)."""
        return self._kept(images, self._target.value(images))

    def value_and_grad(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values, (B,), and the gradients, (B, 3, H, W)."""
        values, gradients = self._target.value_and_grad(images)
        return self._kept(images, values), gradients

    def result(self) -> AttackResult:
        """Return the best pictures inside the budget and all values inside it."""
        return AttackResult(self._best, torch.stack(self._trace))

    def _kept(self, images: Tensor, values: Tensor) -> Tensor:
        inside = self._budget.allows(images, self._source)
        allowed = torch.where(inside, values.detach(), -torch.inf)
        self._trace.append(allowed)
        better = allowed > self._best_values
        self._best = torch.where(better.view(-1, 1, 1, 1), images.detach(), self._best)
        self._best_values = torch.maximum(allowed, self._best_values)
        return values


class _Value(torch.autograd.Function):
    """The value of the target as a function that libraries can differentiate by themselves."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, evaluations: _Evaluations) -> Tensor:
        if not images.requires_grad:
            return evaluations.value(images)
        with torch.enable_grad():  # autograd functions run without it
            values, gradients = evaluations.value_and_grad(images.detach())
        ctx.save_for_backward(gradients.contiguous())
        return values

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (gradients,) = ctx.saved_tensors
        return gradients * upstream[0].view(-1, 1, 1, 1).to(gradients), None


class _Classifier(nn.Module):
    """Two classes; the cross-entropy of label 0 is the target's value, divided by a constant.

    The logits are 0 and log(exp(v) - 1), so that -log softmax = log(1 + exp(v) - 1) = v. They are
    in float64, in which small values keep their differences.

    Args:
        evaluations: evaluates the target.
        source: the source pictures, float (B, 3, H, W); their values set the constants.

    Raises:
        Unsupported: the value of a source picture is not positive, as a cross-entropy must be.
    """

    def __init__(self, evaluations: _Evaluations, source: Tensor) -> None:
        super().__init__()
        self.where = nn.Parameter(source.new_zeros(1), requires_grad=False)  # names the device
        self._evaluations = evaluations
        self._units = _ROOM * positive(evaluations.value(source)).double()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, float64 (B, 2), of pictures, float (B, 3, H, W)."""
        values = _Value.apply(images, self._evaluations).double() / self._units
        return torch.stack([torch.zeros_like(values), values + (-torch.expm1(-values)).log()], 1)


def positive(values: Tensor) -> Tensor:
    """Return the values of source pictures, (B,).

    Raises:
        Unsupported: one is not positive.
    """
    if not (values > 0).all():
        raise Unsupported("other libraries can only ascend an objective with positive values")
    return values.detach()


Gradients = Annotated[int, Field(ge=2)]
Share = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class _Peer(ABC):
    """An attack of another library.

    Args:
        gradients: the number of gradients that it may spend.
    """

    needs: ClassVar[str] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = (Linf.kind, *EUCLIDEAN)
    version: ClassVar[int] = 1
    package: ClassVar[str]

    gradients: Gradients = 100

    @property
    def evaluations(self) -> int:
        """The gradients, and the values of the source picture, the first and the last one."""
        return self.gradients + 3

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        if budget.region is not None:
            raise Unsupported("attacks of other libraries know no region; remove 'region:'")
        images = images.contiguous()  # some libraries need this memory layout
        evaluations = _Evaluations(target, images, budget)
        seed = int(torch.randint(2**31, (1,), generator=rngs[0]))
        with _seeded(seed), contextlib.redirect_stdout(io.StringIO()):
            found = self._search(evaluations, images, budget, seed)
        evaluations.value(found.detach())
        return evaluations.result()

    @abstractmethod
    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        """Run the library's attack and return its pictures, float (B, 3, H, W)."""


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generators, which the libraries use, and restore them afterwards."""
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        yield


def _library(package: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise Unsupported(
            f"{package} cannot be imported ({error}); run: pip install -e '.[peers]'"
        ) from error


def _radius(budget: Budget, source: Tensor) -> float:
    """Return the radius for pictures in [0, 1]: the largest change in linf, or the l2 norm."""
    longest = budget.steepest(torch.ones_like(source[:1])).double()
    return float(longest.abs().max() if budget.kind == Linf.kind else longest.norm())


def _label(source: Tensor) -> Tensor:
    return torch.zeros(len(source), dtype=torch.long, device=source.device)


@dataclass(frozen=True)
class AdvLibAPGD(_Peer):
    """`adv_lib.attacks.apgd`, one start, in linf or l2."""

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        del seed
        found: Tensor = _library("adv-lib", "adv_lib.attacks").apgd(
            _Classifier(evaluations, source),
            source,
            _label(source),
            eps=_radius(budget, source),
            norm=float("inf") if budget.kind == Linf.kind else 2,
            n_iter=self.gradients - 1,
            loss_function="ce",
        )
        return found


@dataclass(frozen=True)
class AdvLibPGD(_Peer):
    """`adv_lib.attacks.pgd_linf`, one start.

    Args:
        gradients: number of steps.
        step_size: size of a step, as a share of the radius; the library's default.
    """

    budgets: ClassVar[tuple[str, ...]] = (Linf.kind,)

    step_size: Share = 0.01 / 0.3

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        del seed
        found: Tensor = _library("adv-lib", "adv_lib.attacks").pgd_linf(
            _Classifier(evaluations, source),
            source,
            _label(source),
            _radius(budget, source),
            steps=self.gradients,
            loss_function="ce",
            relative_step_size=self.step_size,
        )
        return found


@dataclass(frozen=True)
class TorchattacksAPGD(_Peer):
    """`torchattacks.APGD`, one start, in linf or l2."""

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        attack = _library("torchattacks", "torchattacks").APGD(
            _Classifier(evaluations, source),
            norm="Linf" if budget.kind == Linf.kind else "L2",
            eps=_radius(budget, source),
            steps=self.gradients - 1,
            seed=seed,
        )
        found: Tensor = attack(source, _label(source))
        return found


@dataclass(frozen=True)
class TorchattacksPGD(_Peer):
    """`torchattacks.PGD` in linf, `torchattacks.PGDL2` in l2.

    Args:
        gradients: number of steps.
        step_size: size of a step, as a share of the radius; the library's default in linf (2/255 of
            8/255), near its default of 0.2 in l2.
    """

    step_size: Share = 0.25

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        del seed
        library, radius = _library("torchattacks", "torchattacks"), _radius(budget, source)
        attack = (library.PGD if budget.kind == Linf.kind else library.PGDL2)(
            _Classifier(evaluations, source),
            eps=radius,
            alpha=self.step_size * radius,
            steps=self.gradients,
        )
        found: Tensor = attack(source, _label(source))
        return found


@dataclass(frozen=True)
class TorchattacksMIFGSM(_Peer):
    """`torchattacks.MIFGSM` with its default momentum.

    Args:
        gradients: number of steps.
        step_size: size of a step, as a share of the radius; the library's default.
    """

    budgets: ClassVar[tuple[str, ...]] = (Linf.kind,)

    step_size: Share = 0.25

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        del seed
        radius = _radius(budget, source)
        attack = _library("torchattacks", "torchattacks").MIFGSM(
            _Classifier(evaluations, source),
            eps=radius,
            alpha=self.step_size * radius,
            steps=self.gradients,
        )
        found: Tensor = attack(source, _label(source))
        return found


@dataclass(frozen=True)
class TMLA(_Peer):
    """T-MLA, `tmla.attacks.maxdistortion_logexp_multiscale` of the authors' package.

    Its loss is the PSNR of the reconstruction. `_StandInCodec` gives it a reconstruction whose PSNR
    falls as the value of our target rises, so that it also ascends the rate. With the package's own
    settings (`errbound` 0.1, learning rate 0.01) it hardly moves; the defaults here were the best
    of a small grid (benchmarks/peers/README.md).

    Args:
        gradients: number of steps.
        bound: its `errbound`, the bound of a wavelet coefficient, divided by the root of the MSE
            that the budget allows.
        lr: learning rate of its gradient descent.
    """

    budgets: ClassVar[tuple[str, ...]] = EUCLIDEAN

    bound: Share = 1.0
    lr: Share = 10.0

    def _search(
        self, evaluations: _Evaluations, source: Tensor, budget: Budget, seed: int
    ) -> Tensor:
        del seed
        if len(source) > 1:
            raise Unsupported("T-MLA takes one picture at a time; remove 'batch:'")
        if any(side % 2**_SCALES for side in source.shape[-2:]):
            raise Unsupported(f"T-MLA needs sides that are multiples of {2**_SCALES}")
        found, *_ = _library("tmla", "tmla.attacks").maxdistortion_logexp_multiscale(
            source,
            errbound=self.bound * _radius(budget, source) / source.numel() ** 0.5,
            num_iterations=self.gradients,
            model=_StandInCodec(evaluations, source, budget),
            learningrate=self.lr,
            scales=_SCALES,
            keep_low_outcomequality=False,
        )
        projected: Tensor = budget.project(found.detach().clamp(0, 1), source)
        return projected


_SCALES = 3
"""Scales of T-MLA's wavelet transform, its default."""

_FARTHEST = 0.05
"""Distance of the stand-in's output for the source picture; a hundredfold value reaches 0.5, the
largest distance that every pixel has room for."""


class _StandInCodec:
    """A model in the form of CompressAI whose MSE is the target's value, divided by a constant.

    Pictures are projected onto the budget first; gradients pass through unchanged.
    """

    def __init__(self, evaluations: _Evaluations, source: Tensor, budget: Budget) -> None:
        self._evaluations = evaluations
        self._source = source
        self._budget = budget
        self._away = torch.where(source < 0.5, 1.0, -1.0)
        self._unit = float(positive(evaluations.value(source))[0]) / _FARTHEST**2

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Return "x_hat", (1, 3, H, W), and empty "likelihoods"."""
        inside = self._budget.project(images.detach(), self._source)
        images = images + (inside - images).detach()
        mse = _Value.apply(images, self._evaluations) / self._unit
        likelihoods = {"none": torch.ones(1, device=images.device)}
        return {"x_hat": self._source + self._away * mse.sqrt(), "likelihoods": likelihoods}


ATTACKS = {
    "adv-lib-apgd": Entry(AdvLibAPGD, "APGD of adversarial-library", paper="arXiv 2003.01690"),
    "adv-lib-pgd": Entry(AdvLibPGD, "PGD of adversarial-library", paper="arXiv 1706.06083"),
    "torchattacks-apgd": Entry(TorchattacksAPGD, "APGD of torchattacks", paper="arXiv 2003.01690"),
    "torchattacks-pgd": Entry(TorchattacksPGD, "PGD of torchattacks", paper="arXiv 1706.06083"),
    "torchattacks-mifgsm": Entry(
        TorchattacksMIFGSM, "MI-FGSM of torchattacks", paper="arXiv 1710.06081"
    ),
    "tmla": Entry(
        TMLA, "T-MLA, descent on wavelet coefficients", paper="doi.org/10.1016/j.ins.2025.123143"
    ),
}
