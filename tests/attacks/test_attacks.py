from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.gradient.pgd import FGSM, IFGSM, PGD
from attacks.noise import BestNoise, GaussianNoise, SignNoise, UniformNoise
from attacks.objectives.basic import Distortion, Rate
from backends.learned.compressai import bundled
from backends.toy import Toy
from bench.budget import L2, Linf, Mse
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import RejectedError, run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, parameters
from bench.tensors import to_image, to_tensor

NAMES = [name for name in ATTACKS if name != "corruption"]  # no search: test_corruptions.py
STRUCTURED = {"ssah", "dct", "recolour", "korhonen", "patch"}
SIMPLE = {"fgsm", "ifgsm", "mifgsm", "ftda", "cw", "colour-shift", "universal", "minimum-apgd"}
DETERMINISTIC = SIMPLE | STRUCTURED
QUICK = {"steps": 12, "restarts": 2, "searches": 2, "queries": 24, "samples": 8}
QUICK |= {"goal": 1.2, "rounds": 4}


def _make(name):
    """Return an attack by its name, with few steps."""
    fields = parameters("attack", name).model_fields
    quick = [(key, value) for key, value in QUICK.items() if key in fields]
    return instantiate("attack", ComponentSpec(name, tuple(quick)))


def _ball(attack):
    """Return a budget that an attack supports."""
    return Linf(4) if "linf" in attack.budgets else Mse(3e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_is_the_only_source_of_chance(name, photograph, small_codec):
    source = to_tensor(photograph("coffee", 17, 33))
    codec = small_codec("bmshj2018-factorized")

    def found(seed):
        torch.manual_seed(seed)
        attack = _make(name)
        return run_attack(
            attack, CodecTarget(codec, Distortion(), source), source, _ball(attack), seed
        )

    first, other = found(1), found(2)
    assert torch.equal(first.images, found(1).images)
    assert torch.equal(first.trace, found(1).trace)
    assert torch.equal(first.images, other.images) == (name in DETERMINISTIC)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "collision-search"])
@pytest.mark.parametrize("objective", [Distortion(), Rate()])
def test_the_best_that_was_seen_is_returned(name, objective, photograph, small_codec):
    source = to_tensor(photograph("rocket", 32, 48))
    target = CodecTarget(small_codec("bmshj2018-hyperprior"), objective, source)
    attack = _make(name)
    found = run_attack(attack, target, source, _ball(attack), 5)
    assert len(found.trace) <= attack.evaluations
    if attack.needs != "nothing":
        is_real = attack.needs == "queries"
        best = _queried(target, [to_image(found.images)]) if is_real else target.value(found.images)
        assert float(best[0]) == pytest.approx(float(found.trace.max()))
        is_elsewhere = is_real or name == "universal"  # it rises on other pictures
        assert is_elsewhere or float(found.trace.max()) > float(found.trace[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_as_good_as_one_by_one(name, photograph, small_codec):
    codec = small_codec("mbt2018-mean")
    pictures = [to_tensor(photograph(n, 24, 40)) for n in ("coffee", "astronaut", "rocket")]

    def found(source, seed):
        target = CodecTarget(codec, Distortion(), source)
        attack = _make(name)
        images = run_attack(attack, target, source, _ball(attack), seed).images
        return images, target.value(images)

    _, values = found(torch.cat(pictures), 7)
    for index, picture in enumerate(pictures):
        _, value = found(picture, 7 + index)
        assert float(values[index]) == pytest.approx(float(value), rel=0.01)


def _queried(target, images):
    return [float(target.query(image[None])[0]) for image in images]


def test_noise_is_what_it_is_called():
    source = torch.full((1, 3, 64, 64), 0.5)
    rngs = [torch.Generator().manual_seed(3)]
    uniform = (UniformNoise()(None, source, Linf(8), rngs).images - source) * 255
    assert float(uniform.abs().max()) <= 8.001
    assert float(uniform.std()) == pytest.approx(8 / math.sqrt(3), rel=0.02)
    signs = (SignNoise()(None, source, Linf(8), rngs).images - source) * 255
    assert torch.allclose(signs.abs(), torch.full_like(signs, 8), atol=1e-3)
    assert abs(float(signs.mean())) < 0.5
    gaussian = (GaussianNoise(0.25)(None, source, Linf(8), rngs).images - source) * 255
    assert float(gaussian.std()) == pytest.approx(2, rel=0.02)
    assert float((gaussian / 2).abs().lt(1).float().mean()) == pytest.approx(0.683, abs=0.02)


@pytest.mark.parametrize("ball", [L2(300), Mse(1e-4)], ids=str)
def test_gaussian_noise_uses_the_whole_of_a_euclidean_budget(ball):
    source = torch.full((1, 3, 64, 64), 0.5)
    noisy = run_attack(GaussianNoise(), None, source, ball, 3).images
    assert float(ball.size(noisy, source)) > 0.95 * ball.radius


def test_more_draws_of_noise_find_more(photograph, small_codec):
    source = to_tensor(photograph("coffee", 32, 32))
    target = CodecTarget(small_codec("bmshj2018-factorized"), Distortion(), source)
    few, many = (run_attack(BestNoise(count), target, source, Linf(8), 4) for count in (3, 30))
    assert target.queries == 33
    best = np.stack([to_image(found.images) for found in (few, many)])
    reached = target.query(best, [0, 0])
    assert reached.tolist() == [float(few.trace.max()), float(many.trace.max())]
    assert reached[0] < reached[1]


@pytest.mark.parametrize("budget", [Linf(8), L2(300), Mse(1e-4), Mse(1e-5)], ids=str)
def test_sign_noise_uses_the_whole_budget_once_rounded(budget):
    """The baseline of every attack; steps of equal size would all be rounded the same way."""
    source = torch.full((1, 3, 64, 64), 100 / 255)
    image = quantise_and_check(run_attack(SignNoise(), None, source, budget, 4), source, budget)
    used = float(budget.size(to_tensor(image), source))
    allowed = float(budget.radius)
    if budget.kind == "mse":
        used, allowed = math.sqrt(used), math.sqrt(allowed)
    assert used > 0.99 * allowed


@pytest.fixture(params=["bundled", pytest.param("published", marks=pytest.mark.shared)])
def fitted(request):
    """A codec with trained weights."""
    names = bundled("bmshj2018-factorized-small-q4")
    if request.param == "bundled" and not names:
        pytest.skip("no trained weights are bundled")
    checkpoint = names[0] if request.param == "bundled" else request.getfixturevalue("published")
    return instantiate(
        "codec", ComponentSpec("bmshj2018-factorized", (("checkpoint", str(checkpoint)),))
    )


@pytest.mark.parametrize("objective", [Distortion(), Rate()])
def test_more_effort_finds_more_on_a_trained_codec(fitted, objective, photograph):
    """Noise, one step and many steps, measured on the decoded 8-bit pictures.

    After so few steps a random start is not yet as good as the source: measured on three codecs
    and three photographs, PGD reached .92 to 1.02 of I-FGSM. (On the bundled model of the lowest
    rate .85, after 40 steps too.)
    """
    source = to_tensor(photograph("coffee", 96, 96))
    target = CodecTarget(fitted, objective, source)
    attacks = SignNoise(), FGSM(), IFGSM(15, step_size=0.5), PGD(15, step_size=0.5)
    found = [
        quantise_and_check(run_attack(a, target, source, Linf(8), 6), source, Linf(8))
        for a in attacks
    ]
    clean, noise, fgsm, ifgsm, pgd = _queried(target, [to_image(source), *found])
    assert clean < fgsm
    assert noise < fgsm < ifgsm
    assert pgd > max(fgsm, 0.9 * ifgsm)
    assert target.flags() == ()


@pytest.mark.parametrize("broken", ["shape", "nan", "beyond"])
def test_what_is_no_picture_of_the_budget_is_rejected(broken):
    source = torch.full((1, 3, 4, 4), 0.5)
    found = run_attack(FGSM(), CodecTarget(Toy(), Rate(), source), source, Linf(8), 0)
    changed = {
        "shape": found.images[..., :3],
        "nan": found.images * math.nan,
        "beyond": source + 1.1 * (found.images - source),
    }[broken]
    with pytest.raises(RejectedError):
        quantise_and_check(type(found)(changed, found.trace), source, Linf(8))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("pgd", "steps", 0), ("ifgsm", "step_size", 0), ("pgd", "restarts", 0), ("fgsm", "steps", 2)],
)
def test_parameters_are_checked(name, key, value):
    with pytest.raises(ConfigError, match=f"'{key}'|'{name}' takes no parameters"):
        instantiate("attack", ComponentSpec(name, ((key, value),)))
