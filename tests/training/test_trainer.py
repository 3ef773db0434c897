from __future__ import annotations

import copy

import pytest
import torch

from bench.attack import View
from bench.models.architectures import fresh
from bench.registry.component_spec import ComponentSpec
from bench.registry.live_surrogate import live_surrogate
from bench.registry.registry import instantiate
from bench.testing.pictures import waves
from bench.training import crops
from bench.training.adversary import Adversary
from bench.training.recipe import Recipe
from bench.training.trainer import Trainer
from bench.utils.yaml_config import load

ARCHITECTURES = ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", "mbt2018"]
PGD = {"name": "pgd", "steps": 5}


@pytest.fixture
def trainer(recipe, small_net):
    """Return a function that goes on training a net; the keys given replace those of a recipe."""

    def start(**changes):
        (stage,) = load(recipe(widths=[8, 12], **changes), Recipe).stages
        net = copy.deepcopy(small_net(stage.recipe.architecture)).requires_grad_(True)
        return Trainer(stage, net, torch.device("cpu"))

    return start


@pytest.fixture
def batch(photos):
    """Return crops of the photos, uint8 (4, 3, 64, 64)."""
    return crops.draw_crops(crops.read_photos(photos, 1, 64).training, 64, 4, (0, 0))


def _attack(**changes):
    return {"method": PGD, "objective": "rd", "budget": {"linf": 8}, **changes}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_takes_a_step(architecture, trainer, batch):
    started = trainer(architecture=architecture)
    losses = started.advance(batch)
    assert torch.isfinite(losses.loss)
    assert losses.loss > losses.bpp > 0
    assert torch.isnan(losses.attacked)
    restored = trainer(architecture=architecture)
    restored.restore(started.state())
    assert restored.step == 1


def test_a_strided_1x1_convolution_computes_what_it_did(recipe):
    """Its weight gradient in channels_last crashes some processors, so it drops pixels first."""
    path = recipe(architecture="cheng2020-anchor", widths=[32], bfloat16=False)
    (stage,) = load(path, Recipe).stages
    net = fresh("cheng2020-anchor", (32,))
    batch = torch.randint(256, (4, 3, 128, 128), dtype=torch.uint8)
    plain = copy.deepcopy(net.g_a[0].skip)
    started = Trainer(stage, net, torch.device("cpu"))
    assert torch.isfinite(started.advance(batch).loss)
    layer = net.g_a[0].skip
    layer.load_state_dict(plain.state_dict())
    layer.zero_grad()
    images = batch.float() / 255
    expected = plain(images)
    expected.square().mean().backward()
    found = layer(images.contiguous(memory_format=torch.channels_last))
    found.square().mean().backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(layer.weight.grad, plain.weight.grad)


def test_entropy_models_stay_in_float32(recipe):
    (stage,) = load(recipe(bfloat16=True), Recipe).stages
    net = fresh(stage.recipe.architecture, stage.recipe.widths)
    seen = []
    net.g_s.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    net.g_a[0].register_forward_hook(lambda _, __, made: seen.append(made.dtype))
    Trainer(stage, net, torch.device("cpu")).advance(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert seen == [torch.bfloat16, torch.float32]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("objective", ["distortion", "rate", "rd"])
def test_the_inner_attack_raises_what_it_wants_and_keeps_its_budget(
    architecture, objective, trainer, batch
):
    started = trainer(architecture=architecture, attack=_attack(objective=objective))
    made = started.batch(batch, seed=1)
    source = batch.float() / 255
    before, after = (_value(started, objective, images, source) for images in (source, made.images))
    assert made.attacked == 2
    assert (after[:2] > before[:2]).all()
    assert torch.equal(made.images[2:], source[2:])
    assert (made.images - source).abs().max() <= 8 / 255 + 1e-6
    assert torch.equal(made.reference, source)


def _value(trainer, objective, images, source):
    net = live_surrogate(trainer._net, "straight-through")
    with torch.no_grad():
        both = net.relaxed(images)
    view = View(images, source, reconstruction=both.reconstruction, bits=both.bits)
    return instantiate("objective", ComponentSpec(objective))(view)


def test_an_adversarial_step_learns_from_the_attacked_crops(trainer, batch):
    plain, hardened = trainer(), trainer(attack=_attack())
    clean, attacked = plain.advance(batch[:2]), hardened.advance(batch)
    assert attacked.attacked > 1.1 * clean.loss
    changed = zip(plain.averaged().values(), hardened.averaged().values(), strict=True)
    assert any(not torch.equal(a, b) for a, b in changed)


def test_an_attacked_crop_can_be_its_own_reference(trainer, batch):
    made = trainer(attack=_attack(reference="input", share=1.0)).batch(batch, seed=1)
    assert made.attacked == 4
    assert torch.equal(made.reference, made.images)
    assert not torch.equal(made.images, batch.float() / 255)


def test_what_the_clean_crop_decodes_to_can_be_the_reference(trainer, batch):
    started = trainer(attack=_attack(reference="reconstruction"), bfloat16=False)
    made = started.batch(batch, seed=1)
    source = batch.float() / 255
    with torch.no_grad():
        decoded = live_surrogate(started._net, "straight-through").reconstruct(source[:2])
    assert torch.allclose(made.reference[:2], decoded.clamp(0, 1), atol=1e-5)
    assert not torch.allclose(made.reference[:2], source[:2], atol=1e-2)
    assert torch.equal(made.reference[2:], source[2:])


def test_every_attack_of_a_list_gets_its_own_crops(trainer, batch):
    several = [_attack(share=0.25), _attack(share=0.5, budget={"linf": 2}, reference="input")]
    made = trainer(attack=several).batch(batch, seed=1)
    source = batch.float() / 255
    changes = (made.images - source).abs().amax((1, 2, 3)) * 255
    assert made.attacked == 3
    assert 2.5 < changes[0] <= 8.01
    assert (changes[1:3] > 1).all()
    assert (changes[1:3] <= 2.01).all()
    assert changes[3] == 0
    assert torch.equal(made.reference[0], source[0])
    assert torch.equal(made.reference[1:3], made.images[1:3])


def test_attacked_crops_count_by_their_weight(trainer, batch):
    losses = {
        weight: trainer(attack=_attack(weight=weight), bfloat16=False).advance(batch)
        for weight in (1.0, 3.0)
    }
    once, thrice = losses[1.0], losses[3.0]
    assert float(thrice.attacked) == pytest.approx(float(once.attacked))
    added = 2 * 2 / 4 * float(once.attacked)
    assert float(thrice.loss) == pytest.approx(float(once.loss) + added, rel=1e-5)


def test_the_search_follows_the_surrogate_of_the_recipe(trainer, batch):
    made = {
        rounding: trainer(attack=_attack(rounding=rounding, objective="distortion"))
        .batch(batch, seed=1)
        .images
        for rounding in ("straight-through", "none")
    }
    assert not torch.equal(made["straight-through"], made["none"])


def test_idempotence_is_the_loss_of_coding_the_decoded_crops_again(trainer, batch):
    plain, steady = trainer(bfloat16=False), trainer(bfloat16=False, idempotence=2.0)
    torch.manual_seed(3)
    given = plain.batch(batch, seed=0)
    torch.manual_seed(3)
    without = plain._losses(given.images, given).loss
    torch.manual_seed(3)
    with_it = steady._losses(given.images, given).loss
    torch.manual_seed(3)
    decoded = plain._net(given.images)["x_hat"].clamp(0, 1).mul(255).round().div(255)
    again = plain._net(decoded)["x_hat"]
    change = plain.stage.lmbda * 255**2 * (again - decoded).square().mean()
    assert float(with_it.detach()) == pytest.approx(
        float((without + 2 * change).detach()), rel=1e-4
    )


def test_training_for_idempotence_makes_coding_again_change_less(trainer, batch):
    changes = {}
    for weight in (0.0, 1.0):
        started = trainer(idempotence=weight, bfloat16=False, lr=1e-3, warmup=0)
        for _ in range(40):
            started.advance(batch)
        torch.manual_seed(3)
        change = started._change(started._net(batch.float() / 255)["x_hat"])
        changes[weight] = float(change.detach())
    assert changes[1.0] < 0.7 * changes[0.0]


def test_the_budget_warms_up(trainer, batch):
    started = trainer(attack=_attack(warmup=7, share=1.0))
    source = batch.float() / 255
    assert (started.batch(batch, seed=1).images - source).abs().max() <= 1 / 255 + 1e-6
    started.step = 7
    assert (started.batch(batch, seed=1).images - source).abs().max() > 7 / 255


def test_an_objective_without_a_lambda_takes_that_of_the_recipe(recipe):
    (stage,) = load(recipe(lmbda=0.05, attack=_attack()), Recipe).stages
    assert Adversary(stage.recipe.attack[0], stage.lmbda, None)._objective.lmbda == 0.05
    given = _attack(objective={"name": "rd", "lmbda": 0.2})
    (stage,) = load(recipe(lmbda=0.05, attack=given), Recipe).stages
    assert Adversary(stage.recipe.attack[0], stage.lmbda, None)._objective.lmbda == 0.2


def test_the_penalty_is_what_one_small_step_adds_to_the_loss(trainer, batch):
    levels = 0.01
    started = trainer(gradient_penalty=levels, bfloat16=False)
    images = (batch.float() / 255 * 0.9 + 0.05).requires_grad_()
    given = started.batch(batch, seed=0)
    losses = _seeded(started, images, given)
    penalty = started._penalty(losses.loss, images)
    (gradient,) = torch.autograd.grad(losses.loss, images)
    moved = images.detach() + levels / 255 * gradient.sign()
    added = _seeded(started, moved, given).loss - losses.loss
    assert float(penalty.detach()) == pytest.approx(float(added.detach()), rel=0.05)


def _seeded(trainer, images, given):
    torch.manual_seed(3)
    return trainer._losses(images, given)


def test_the_penalty_makes_the_gradient_smaller(trainer, batch):
    norms = {}
    for weight in (0.0, 4.0):
        started = trainer(gradient_penalty=weight, lr=1e-3, warmup=0)
        for _ in range(40):
            started.advance(batch)
        images = (batch.float() / 255).requires_grad_()
        losses = _seeded(started, images, started.batch(batch, seed=0))
        (gradient,) = torch.autograd.grad(losses.loss, images)
        norms[weight] = float(gradient.abs().sum())
    assert norms[4.0] < 0.8 * norms[0.0]


def test_a_denoiser_is_trained_as_a_codec_without_bits(recipe):
    smooth = torch.from_numpy(waves(64, 64)).permute(2, 0, 1).expand(4, 3, 64, 64)
    noise = _attack(method="gaussian-noise", share=0.5)
    how = {"steps": 160, "warmup": 20, "bfloat16": False}
    path = recipe(architecture="denoiser", widths=[16], attack=noise, **how)
    (stage,) = load(path, Recipe).stages
    started = Trainer(stage, fresh("denoiser", (16,)), torch.device("cpu"))
    losses = [started.advance(smooth) for _ in range(160)]
    assert all(one.bpp == 0 for one in losses)
    assert sum(one.attacked for one in losses[-10:]) < 9.5 * losses[0].attacked
    again = Trainer(stage, fresh("denoiser", (16,)), torch.device("cpu"))
    again.restore(started.state())
    assert torch.equal(started.advance(smooth).loss, again.advance(smooth).loss)
