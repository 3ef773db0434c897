"""The standard ensemble, and what makes it possible: attacks with objectives of their own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import ConfigError
from bench.registry.registry import instantiate
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.replan import parse_stored_suite
from leaderboard.ranking.board import build_board

SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs: [{name: toy, gain: 1.5, label: toy}]
attacks: [standard]
objectives: [distortion, rate, rd]
budgets: [{linf: 8}, {mse: 3.0e-4}]
compute: {threads: 1}
"""


def _suite(**changes):
    text = SUITE
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after)
    return parse(text, "small.yaml", Suite)


def _cost(suite, kind):
    """Return gradients and queries by objective that a budget of a kind takes at most."""
    gradients, queries = Counter(), 0
    for choice in suite.all_attacks:
        attack = instantiate("attack", choice)
        if kind not in attack.budgets:
            continue
        for objective in choice.objectives or suite.default_objectives:
            if attack.needs == "queries":
                queries += attack.evaluations
            else:
                gradients[objective.name] += attack.evaluations
    return gradients, queries


@pytest.mark.parametrize("kind", ["linf", "mse"])
def test_the_cheap_mode_takes_what_it_says(kind):
    gradients, queries = _cost(_suite(), kind)
    assert set(gradients) == {"distortion", "rate", "rd"}
    assert 50 <= min(gradients.values()) <= max(gradients.values()) <= 100
    assert queries == 100


def test_the_full_mode_takes_more_of_everything():
    full = _suite(full=("[standard]", "[{name: standard, mode: full}]"))
    for kind in ("linf", "mse"):
        (cheap_gradients, cheap_queries), (gradients, queries) = (
            _cost(suite, kind) for suite in (_suite(), full)
        )
        assert queries > cheap_queries
        assert all(gradients[name] > cheap_gradients[name] for name in cheap_gradients)


def test_modes_are_a_grid_like_any_list():
    both = _suite(modes=("[standard]", "[{name: standard, mode: [cheap, full]}]"))
    full = _suite(full=("[standard]", "[{name: standard, mode: full}]"))
    assert both.all_attacks == [*_suite().all_attacks, *full.all_attacks]


def test_members_serve_what_the_suite_asks_for():
    assert [choice.name for choice in _suite().all_attacks] == [
        *("apgd", "apgd", "madc", "colour-shift", "square")
    ]
    rate = _suite(
        wants=("[distortion, rate, rd]", "[rate]"),
        ball=("[{linf: 8}, {mse: 3.0e-4}]", "[{linf: 8}]"),
    )
    assert [choice.name for choice in rate.all_attacks] == ["apgd", "square"]
    assert [one.name for choice in rate.all_attacks for one in choice.objectives] == ["rate"]


def test_a_manifest_keeps_the_members():
    suite = _suite()
    kept = parse_stored_suite(suite.model_dump(mode="json"), Path())
    assert kept.all_attacks == suite.all_attacks
    assert kept.all_objectives == suite.all_objectives


def test_an_attack_wants_what_it_says_and_the_others_what_the_suite_says():
    suite = _suite(
        own=("[standard]", "[fgsm, {name: pgd, objectives: {name: distortion, reference: input}}]")
    )
    assert [str(choice) for choice in suite.all_objectives] == [
        *("distortion", "rate", "rd", "distortion reference=input")
    ]
    assert str(suite.all_attacks[1]) == "pgd for distortion reference=input"


@pytest.mark.parametrize(
    ("attacks", "told"),
    [
        ("[{name: standard, mode: fast}]", "attacks.0: 'mode' of the ensemble 'standard'"),
        ("[{name: pgd, objectives: rat}]", "unknown objective 'rat'; did you mean 'rate'?"),
        (
            "[{name: pgd, objectives: {name: rate, label: rd}}]",
            "two objectives have the label 'rd'",
        ),
    ],
)
def test_what_is_not_allowed_is_told(attacks, told):
    with pytest.raises(ConfigError, match=r"small\.yaml:4") as caught:
        _suite(wrong=("[standard]", attacks))
    assert told in str(caught.value)


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standard")
    (folder / "small.yaml").write_text(SUITE)
    assert main(["run", str(folder / "small.yaml"), "-o", str(folder / "run")]) == 0
    run = read_run(folder / "run")
    (row,) = [
        one
        for one in build_board([run]).rows
        if (one.place.codec, one.place.budget) == ("toy", "linf 8")
    ]
    return run, row


def test_the_worst_of_all_members_counts_and_its_finder_is_named(row):
    run, told = row
    found = [
        (one.scores.psnr_source, run.crafts[one.craft])
        for one in run.measures
        if one.victim == "toy" and one.scores and one.craft and run.crafts[one.craft].sources
    ]
    inside = [
        (psnr, f"{craft.attack}, {craft.objective}")
        for psnr, craft in found
        if craft.budget == "linf 8"
    ]
    assert told.attack.psnr.mean == min(inside)[0]
    assert told.attack.psnr_by == min(inside)[1]
    assert told.attack.psnr_by.startswith("standard-1 cheap: ")


def test_searches_that_are_short_on_purpose_raise_no_doubt(row):
    run, _ = row
    assert not {flag for craft in run.crafts.values() for flag in craft.flags} - {"random-start"}
