"""Attacks of other libraries as a plugin: the adapters; the libraries where they are installed."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from types import ModuleType

import pytest
import torch
import yaml
from torch.nn import functional

from bench.budget import L2, Linf, Mse, Region
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.plugins import load
from bench.registry.registry import instantiate
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from paths import ROOT

PEERS = ROOT / "benchmarks/peers"
MODULES = {
    "adv-lib-apgd": "adv_lib.attacks",
    "adv-lib-pgd": "adv_lib.attacks",
    "torchattacks-apgd": "torchattacks",
    "torchattacks-pgd": "torchattacks",
    "torchattacks-mifgsm": "torchattacks",
    "tmla": "tmla.attacks",
}
"""The module that each attack of the plugin imports."""

SPENT = 12


@pytest.fixture(autouse=True)
def _plugin():
    load("peer_attacks.py", PEERS)


@pytest.fixture
def source():
    rng = torch.Generator().manual_seed(0)
    return 0.2 + 0.6 * torch.rand(1, 3, 16, 24, generator=rng)


def _attack(name, **params):
    return instantiate("attack", ComponentSpec(name, tuple(params.items())))


def _target(source, objective="distortion"):
    codec = instantiate("codec", ComponentSpec("toy", (("gain", 0.5),)))
    return CodecTarget(codec, instantiate("objective", ComponentSpec(objective)), source)


def _ascent(model, inputs, labels, eps, norm, n_iter, loss_function):  # noqa: PLR0917
    """One step along the gradient of the cross-entropy, in the form of adv-lib's apgd."""
    assert (n_iter, loss_function) == (SPENT - 1, "ce")
    seen.append((inputs, norm, eps))
    images = inputs.clone().requires_grad_()
    logits = model(images)
    assert logits.argmax(1).tolist() == labels.tolist()  # torchattacks leaves others out
    loss = functional.cross_entropy(logits, labels)
    (gradient,) = torch.autograd.grad(loss, images)
    seen.append((loss.detach(), gradient))
    return (inputs + eps * gradient.sign()).clamp(0, 1)


seen = []


@pytest.fixture
def stand_in(monkeypatch):
    """Put a library of one function in the place of adv-lib."""
    seen.clear()
    library = ModuleType("adv_lib.attacks")
    library.apgd = _ascent
    monkeypatch.setitem(sys.modules, "adv_lib.attacks", library)


@pytest.mark.usefixtures("stand_in")
def test_the_cross_entropy_is_the_objective_divided_by_a_constant(source):
    target = _target(source)
    run_attack(_attack("adv-lib-apgd", gradients=SPENT), target, source, Linf(8), 0)
    value, gradient = _target(source).value_and_grad(source)
    loss, seen_gradient = seen[1]
    scale = float(value[0] / loss)
    assert scale == pytest.approx(10 * float(value[0]))
    torch.testing.assert_close(scale * seen_gradient, gradient, rtol=1e-4, atol=0)
    assert target.gradients == 1


@pytest.mark.usefixtures("stand_in")
def test_libraries_get_the_radius_of_the_budget(source):
    for ball, norm, radius in (
        (Linf(8), float("inf"), 8 / 255),
        (L2(30), 2, 30 / 255),
        (Mse(3e-4), 2, (3e-4 * source.numel()) ** 0.5),
    ):
        run_attack(_attack("adv-lib-apgd", gradients=SPENT), _target(source), source, ball, 0)
        *_, (_, seen_norm, eps), _ = seen
        assert (seen_norm, eps) == (norm, pytest.approx(radius))


@pytest.mark.usefixtures("stand_in")
def test_the_best_picture_inside_the_budget_is_kept(source):
    attack = _attack("adv-lib-apgd", gradients=SPENT)
    result = run_attack(attack, _target(source), source, Linf(8), 0)
    values = _target(source).value(result.images)
    assert float(values) == pytest.approx(float(result.trace.max()))
    assert float(values) > float(_target(source).value(source))
    too_small = run_attack(attack, _target(source), source, Mse(1e-9), 0)
    assert torch.equal(too_small.images, source)  # a sign step is far outside an l2 ball


@pytest.mark.usefixtures("stand_in")
def test_a_batch_keeps_the_best_picture_of_each_source(source):
    attack, both = _attack("adv-lib-apgd", gradients=SPENT), torch.cat([source, source.flip(3)])
    alone = [run_attack(attack, _target(one), one, Linf(8), 0) for one in (source, source.flip(3))]
    result = run_attack(attack, _target(both), both, Linf(8), 0)
    torch.testing.assert_close(result.images, torch.cat([one.images for one in alone]))
    torch.testing.assert_close(result.trace, torch.cat([one.trace for one in alone], 1))


@pytest.mark.usefixtures("stand_in")
def test_what_libraries_cannot_do_is_unsupported(source):
    attack = _attack("adv-lib-apgd", gradients=SPENT)
    two = torch.cat([source, source])
    with pytest.raises(Unsupported, match="one picture at a time; remove 'batch:'"):
        run_attack(_attack("tmla", gradients=SPENT), _target(two), two, Mse(3e-4), 0)
    ball = Linf(8, region=Region(0, 0, 2, 2))
    with pytest.raises(Unsupported, match="remove 'region:'"):
        run_attack(attack, _target(source), source, ball, 0)
    lossless = CodecTarget(
        instantiate("codec", ComponentSpec("toy", (("gain", 0.5),))), _Zero(), source
    )
    with pytest.raises(Unsupported, match="positive values"):
        run_attack(attack, lossless, source, Linf(8), 0)


class _Zero:
    needs = "reconstruction"
    wants_clean = False

    def __call__(self, view):
        return 0 * view.reconstruction.flatten(1).mean(1)


@pytest.mark.parametrize("name", MODULES)
def test_a_missing_package_is_unsupported_with_the_remedy(name, source, monkeypatch):
    monkeypatch.setitem(sys.modules, MODULES[name], None)
    attack = _attack(name, gradients=SPENT)
    ball = Mse(3e-4) if "mse" in attack.budgets else Linf(8)
    with pytest.raises(Unsupported, match=r"run: pip install -e '\.\[peers\]'"):
        run_attack(attack, _target(source), source, ball, 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("objective", ["distortion", "rate"])
@pytest.mark.parametrize("ball", [Linf(8), Mse(3e-4)], ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_the_library_keeps_the_budget_and_spends_its_gradients(name, ball, objective, source):
    pytest.importorskip(MODULES[name], reason=f"{name} needs the extra 'peers'")
    attack = _attack(name, gradients=SPENT)
    if ball.kind not in attack.budgets:
        pytest.skip(f"{name} has no budget in {ball.kind}")
    target = _target(source, objective)
    result = run_attack(attack, target, source, ball, 0)
    assert target.gradients == SPENT
    quantise_and_check(result, source, ball)
    torch.manual_seed(5)
    again = run_attack(attack, _target(source, objective), source, ball, 0)
    assert torch.equal(result.images, again.images)
    assert float(_gain(result.images, source, objective)) > 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ball", [Linf(8), Mse(3e-4)], ids=str)
@pytest.mark.parametrize("name", sorted(MODULES.keys() - {"tmla"}))
def test_the_library_raises_every_picture_of_a_batch(name, ball, source):
    pytest.importorskip(MODULES[name], reason=f"{name} needs the extra 'peers'")
    attack = _attack(name, gradients=SPENT)
    if ball.kind not in attack.budgets:
        pytest.skip(f"{name} has no budget in {ball.kind}")
    both = torch.cat([source, source.flip(3) ** 2])
    target = _target(both)
    result = run_attack(attack, target, both, ball, 0)
    assert target.gradients == SPENT
    quantise_and_check(result, both, ball)
    alone = _gain(run_attack(attack, _target(source), source, ball, 0).images, source)
    assert (_gain(result.images, both) > 0).all()
    assert float(_gain(result.images, both)[0] / alone) == pytest.approx(1, abs=0.1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "ours", "ball"),
    [
        ("adv-lib-apgd", {"name": "apgd", "steps": 39}, Linf(8)),
        ("adv-lib-apgd", {"name": "apgd", "steps": 39}, Mse(3e-4)),
        ("torchattacks-apgd", {"name": "apgd", "steps": 39}, Linf(8)),
        ("torchattacks-apgd", {"name": "apgd", "steps": 39}, Mse(3e-4)),
        ("torchattacks-pgd", {"name": "pgd", "steps": 40}, Linf(8)),
        ("torchattacks-pgd", {"name": "pgd", "steps": 40}, Mse(3e-4)),
        ("torchattacks-mifgsm", {"name": "mifgsm", "steps": 40}, Linf(8)),
    ],
)
def test_the_library_is_as_strong_as_the_same_attack_of_ours(name, ours, ball, source):
    pytest.importorskip(MODULES[name], reason=f"{name} needs the extra 'peers'")
    theirs = run_attack(_attack(name, gradients=40), _target(source), source, ball, 0)
    mine = run_attack(_attack(**ours), _target(source), source, ball, 0)
    share = _gain(theirs.images, source) / _gain(mine.images, source)
    assert 0.95 < float(share) < 1.05


def _gain(images, source, objective="distortion"):
    target = _target(source, objective)
    return target.value(images) - target.value(source)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--times", "10", "--only", "adv-lib APGD", "NIC MADC .2"),
        ("--checkpoint", "net.pth.tar"),
        ("--unrounded",),
        ("--tmla",),
    ],
)
def test_the_suite_names_the_gradients_of_every_attack(arguments, capsys):
    _script("suite").main(arguments)
    text = capsys.readouterr().out
    times = [10] if "10" in arguments else [1, 4]
    alone = "--tmla" in arguments
    listed = yaml.safe_load(text)["attacks"]
    if "--only" in arguments:
        assert [item["label"] for item in listed] == ["adv-lib APGD, 1000", "NIC MADC .2, 1000"]
    for item in listed[listed[0] == "standard" :]:
        count = int(item["label"].rpartition(", ")[2])
        assert count in {100 * factor for factor in times}
        assert item.get("gradients", count) == count
    suite = parse(text, "peers.yaml", Suite)
    others = [attack for attack in suite.all_attacks if ": " not in str(attack)]
    assert {one.rounding for one in others} == {"none" if "--unrounded" in arguments else None}
    assert len(suite.images.names) == 8
    assert suite.compute.batch == (1 if alone else 8)
    assert len(suite.codecs) == (1 if "--checkpoint" in arguments else 3)


def _script(name):
    spec = spec_from_file_location(f"peers_{name}", PEERS / f"{name}.py")
    module = module_from_spec(spec)
    with redirect_stdout(StringIO()):
        spec.loader.exec_module(module)
    return module
