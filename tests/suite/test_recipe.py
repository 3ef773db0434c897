from __future__ import annotations

import pytest

from bench.errors import ConfigError
from bench.training.recipe import Recipe
from bench.utils.yaml_config import load

ATTACK = {"method": "fgsm", "objective": "rd", "budget": {"linf": 8}}


def test_the_learning_rate_rises_and_falls(recipe):
    (stage,) = load(recipe(steps=1000, warmup=10, lr=1e-3, final_lr=1e-5), Recipe).stages
    rates = [stage.lr_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[9] == rates[10] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)
    assert sorted(rates[10:], reverse=True) == rates[10:]
    assert [stage.ema_at(step) for step in (0, 10**6)] == [0.1, 0.999]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"crop": 100}, r"tiny.yaml:1: crop: .*multiple of 64"),
        ({"step": 3}, r"step: unknown key; did you mean 'steps'"),
        ({"lr": 3}, r"lr: .*less than or equal to 0.01"),
        ({"name": "../up"}, r"name: "),
        ({"widths": []}, r"widths: "),
        ({"lmbda": []}, r"lmbda: "),
        ({"lmbda": [0.1, 0.1]}, r"tiny.yaml:1: a lambda is listed twice"),
        ({"lmbda": [0.1, 0.2, 0.3], "steps": [5, 6]}, r"2 numbers of steps for 3 lambdas"),
        ({"attack": {**ATTACK, "method": "pdg"}}, r"attack.method: .*did you mean 'pgd'"),
        ({"attack": {**ATTACK, "share": 0}}, r"attack.share: .*greater than 0"),
        ({"attack": {**ATTACK, "budget": {}}}, r"attack.budget: a budget has exactly one of linf"),
        (
            {"attack": {**ATTACK, "method": {"name": "pgd", "steps": [1, 2]}}},
            r"attack.method: expected one attack, but the lists of values give 2",
        ),
        (
            {"attack": {**ATTACK, "method": "madc"}},
            r"attack: the attack 'madc' cannot keep a budget in linf, only in l2 and mse",
        ),
        (
            {"attack": {**ATTACK, "method": {"name": "corruption", "kind": "fog", "severity": 5}}},
            r"attack: the attack 'corruption .*' cannot keep a budget in linf, only in unlimited",
        ),
        ({"attack": {"method": "fgsm"}}, r"attack.objective: field required"),
        (
            {"attack": [ATTACK, {**ATTACK, "share": 2}]},
            r"attack.1.share: .*less than or equal to 1",
        ),
        ({"attack": [ATTACK] * 3}, r"the attacks take 3 crops of a batch of 2; make their shares"),
        ({"attack": [ATTACK] * 2, "idempotence": 1}, r"idempotence is trained on clean crops"),
    ],
)
def test_recipes_are_checked(change, words, recipe):
    with pytest.raises(ConfigError, match=words):
        load(recipe(**change), Recipe)


def test_a_list_of_lambdas_gives_one_stage_each(recipe):
    stages = load(recipe(lmbda=[0.0483, 0.013, 0.02], steps=[9, 8, 7]), Recipe).stages
    assert [(stage.name, stage.lmbda, stage.steps) for stage in stages] == [
        ("tiny-q6", 0.0483, 9),
        ("tiny-q4", 0.013, 8),
        ("tiny-lmbda0.02", 0.02, 7),
    ]
    assert [stage.steps for stage in load(recipe(lmbda=[1, 2], steps=3), Recipe).stages] == [3, 3]


def test_the_hash_depends_only_on_the_settings(recipe):
    first = load(recipe(), Recipe).sha256
    path = recipe(photos="elsewhere", clip=1.0)
    path.write_text("# it took an hour\n" + path.read_text())
    assert load(path, Recipe).sha256 == first
    assert load(recipe(lr=2e-3), Recipe).sha256 != first
    assert load(recipe(attack=ATTACK), Recipe).sha256 != first


def test_one_attack_in_a_list_is_that_attack(recipe):
    assert (
        load(recipe(attack=[ATTACK]), Recipe).sha256 == load(recipe(attack=ATTACK), Recipe).sha256
    )
    two = load(recipe(attack=[ATTACK] * 2), Recipe)
    assert len(two.attack) == 2
    assert two.sha256 != load(recipe(attack=ATTACK), Recipe).sha256


def test_the_budget_grows_while_the_attack_warms_up(recipe):
    (attack,) = load(recipe(attack={**ATTACK, "warmup": 3}), Recipe).attack
    assert [attack.strength(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert load(recipe(attack=ATTACK), Recipe).attack[0].strength(0) == 1
