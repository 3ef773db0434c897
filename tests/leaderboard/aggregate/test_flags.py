"""What a row is flagged for."""

from __future__ import annotations

import pytest

from bench.crafting.target import NAN_GRADIENT, ZERO_GRADIENT
from board_rows import flags_of, row_of
from leaderboard.aggregate.flags import Flag
from leaderboard.columns.terms import FLAG_MEANINGS, flag_name, flag_text
from leaderboard.ranking.board import build_board


@pytest.mark.parametrize(
    ("objective", "attack", "noise", "flagged"),
    [
        ("distortion", (1.0, 0.02, 0.01), (2.0, 0.01, 0.02), False),
        ("distortion", (2.0, 0.01, 0.02), (1.0, 0.02, 0.01), True),
        ("rate", (2.0, 0.01, 0.01), (1.0, 0.02, 0.02), False),
        ("rate", (1.0, 0.02, 0.02), (2.0, 0.01, 0.01), True),
        ("rd", (1.0, 0.02, 0.01), (1.1, 0.01, 0.01), False),
        ("rd", (1.1, 0.01, 0.01), (1.0, 0.02, 0.01), True),
        ("distortion reference=clean", (1.0, 0.01, 0.02), (1.0, 0.02, 0.01), False),
        ("distortion reference=clean", (1.0, 0.02, 0.01), (1.0, 0.01, 0.02), True),
    ],
)
def test_an_attack_weaker_than_noise_for_what_it_wanted(
    tmp_path, one_picture, objective, attack, noise, flagged
):
    name, _, reference = objective.partition(" reference=")
    wanted = {"name": name, "reference": reference} if reference else name
    lab = one_picture(attack, noise, objective, objectives=[wanted])
    expected = [f"weaker-than-noise ({objective} 1/1)"] if flagged else []
    assert flags_of(row_of(build_board([lab.write(tmp_path)]))) == expected


def test_a_larger_budget_that_did_less_is_flagged(tmp_path, lab):
    lab = lab(budgets=[{"linf": 8}, {"linf": 4}, {"mse": 1e-5}])
    lab.clean("own", "one")
    for lab.budget, error in (("linf 8", 0.01), ("linf 4", 0.02), ("mse 1e-05", 0.03)):
        craft = lab.craft("one", "fgsm", "distortion", ("own",))
        lab.attacked("own", craft, lab.scores(mse=error))
    made = build_board([lab.write(tmp_path)])
    assert flags_of(row_of(made)) == ["weaker-than-smaller-budget (distortion 1/1)"]
    assert flags_of(row_of(made, ball="linf 4")) == flags_of(row_of(made, ball="mse 1e-05")) == []


def test_flags_of_searches_are_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",), flags=(ZERO_GRADIENT, "odd"))
    lab.attacked("own", craft, lab.scores(bpp=1.5))
    flags = flags_of(row_of(build_board([lab.write(tmp_path)])))
    assert flags == ["zero-gradient (1/2)", "odd (1/2)"]


def test_every_flag_of_the_harness_is_explained():
    assert {ZERO_GRADIENT, NAN_GRADIENT, "unchanged"} <= FLAG_MEANINGS.keys()


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("still-rising", "not-converged"),
        ("queries-spent", "query-budget-exhausted"),
        ("randomised", "nondeterministic"),
        ("weaker-than-unaware", "weaker-than-defence-unaware"),
        ("zero-gradient", "zero-gradient"),
        ("odd", "odd"),
    ],
)
def test_flags_are_displayed_under_the_names_of_the_field(stored, shown):
    assert flag_name(stored) == shown
    assert flag_text(Flag(stored, 1, 2)) == f"{shown} (1/2)"
    assert str(Flag(stored, 1, 2)) == f"{stored} (1/2)"


def test_more_steps_that_did_less_are_flagged(tmp_path, lab):
    lab = lab(attacks=[{"name": "pgd", "steps": steps} for steps in (20, 5)])
    lab.clean("own", "one")
    for steps, error in ((5, 0.02), (20, 0.01)):
        craft = lab.craft("one", f"pgd steps={steps}", "distortion", ("own",))
        lab.attacked("own", craft, lab.scores(mse=error))
    flags = flags_of(row_of(build_board([lab.write(tmp_path)])))
    assert flags == ["weaker-than-fewer-steps (distortion 1/1)"]


def test_attacks_that_differ_in_more_than_their_steps_are_not_compared(tmp_path, lab):
    others = [
        {"rounding": "none"},
        {"starts": 3},
        {"extensions": 1},
        {"start_from": "source"},
    ]
    fewer = [
        {"name": "pgd", "steps": 5, "label": f"other {n}", **settings}
        for n, settings in enumerate(others)
    ]
    lab = lab(attacks=[*fewer, {"name": "pgd", "steps": 20}])
    lab.clean("own", "one")
    errors = {**{choice["label"]: 0.02 for choice in fewer}, "pgd steps=20": 0.01}
    for attack, error in errors.items():
        craft = lab.craft("one", attack, "distortion", ("own",))
        lab.attacked("own", craft, lab.scores(mse=error))
    assert flags_of(row_of(build_board([lab.write(tmp_path)]))) == []


def test_searches_on_other_codecs_are_held_against_those_alone(tmp_path, lab):
    lab = lab()
    craft = lab.craft("one", "fgsm", "distortion", ("own",), flags=("still-rising",))
    for codec in ("own", "other"):
        lab.clean(codec, "one")
        lab.attacked(codec, craft, lab.scores(mse=0.01))
    made = build_board([lab.write(tmp_path)])
    assert flags_of(row_of(made)) == ["still-rising (1/1)"]
    assert flags_of(row_of(made, "other")) == []
