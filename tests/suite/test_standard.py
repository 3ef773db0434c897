"""The standard ensemble, and attacks with their own objectives."""

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
from leaderboard.ranking.rd_costs import LAMBDAS

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
    """Return the largest number of steps and queries by objective for a kind of budget."""
    steps, queries = Counter(), 0
    for choice in suite.all_attacks:
        attack = instantiate("attack", choice)
        if kind not in attack.budgets:
            continue
        for objective in choice.objectives or suite.default_objectives:
            if attack.needs == "queries":
                queries += attack.evaluations
            else:
                steps[str(objective)] += choice.starts * getattr(attack, "steps", 0)
    return steps, queries


OBJECTIVES = {"distortion", "rate", "rd", "rd lmbda=0.0035", "rd lmbda=0.0483"}


@pytest.mark.parametrize("kind", ["linf", "mse"])
def test_the_cheap_mode_uses_the_stated_evaluations(kind):
    steps, queries = _cost(_suite(), kind)
    assert set(steps) == OBJECTIVES
    assert set(steps.values()) <= {99, 100}
    assert queries == 100


def test_the_rd_cost_is_attacked_at_each_lambda_of_the_board():
    wanted = {objective.name: [] for objective in _suite().all_objectives}
    for objective in _suite().all_objectives:
        wanted[objective.name].append(objective.values.model_dump().get("lmbda"))
    assert sorted(wanted["rd"]) == list(LAMBDAS)


def test_version_1_has_the_members_that_older_results_name():
    old = _suite(old=("[standard]", "[standard-1]")).all_attacks
    assert [str(choice) for choice in old] == [
        f"standard-1 cheap: {title}"
        for title in ("APGD", "APGD from C(x)", "MADC", "colour shift", "Square")
    ]
    assert all(choice.starts == 1 and choice.rounding is None for choice in old)


def test_the_full_mode_uses_more_evaluations():
    full = _suite(full=("[standard]", "[{name: standard, mode: full}]"))
    for kind in ("linf", "mse"):
        (cheap_gradients, cheap_queries), (gradients, queries) = (
            _cost(suite, kind) for suite in (_suite(), full)
        )
        assert queries > cheap_queries
        assert all(gradients[name] > cheap_gradients[name] for name in cheap_gradients)


def test_a_list_of_modes_is_a_grid():
    both = _suite(modes=("[standard]", "[{name: standard, mode: [cheap, full]}]"))
    full = _suite(full=("[standard]", "[{name: standard, mode: full}]"))
    assert both.all_attacks == [*_suite().all_attacks, *full.all_attacks]


def test_members_support_the_objectives_and_budgets_of_the_suite():
    assert [choice.name for choice in _suite().all_attacks] == [
        *["shrinking-apgd"] * 5,
        *("apgd", "shrinking-apgd"),
        *("colour-shift", "square"),
    ]
    full = _suite(full=("[standard]", "[{name: standard, mode: full}]"))
    assert {"madc", "ftda"} <= {choice.name for choice in full.all_attacks}
    rate = _suite(
        wants=("[distortion, rate, rd]", "[rate]"),
        ball=("[{linf: 8}, {mse: 3.0e-4}]", "[{linf: 8}]"),
    )
    assert [choice.name for choice in rate.all_attacks] == ["shrinking-apgd", "square"]
    assert [objective.name for choice in rate.all_attacks for objective in choice.objectives] == [
        "rate",
        "rate",
    ]


def test_a_manifest_contains_the_members():
    suite = _suite()
    kept = parse_stored_suite(suite.model_dump(mode="json"), Path())
    assert kept.all_attacks == suite.all_attacks
    assert kept.all_objectives == suite.all_objectives


def test_an_attack_has_its_own_objectives_or_those_of_the_suite():
    suite = _suite(
        own=("[standard]", "[fgsm, {name: pgd, objectives: {name: distortion, reference: input}}]")
    )
    assert [str(choice) for choice in suite.all_objectives] == [
        *("distortion", "rate", "rd", "distortion reference=input")
    ]
    assert str(suite.all_attacks[1]) == "pgd for distortion reference=input"


@pytest.mark.parametrize(
    ("attacks", "message"),
    [
        ("[{name: standard, mode: fast}]", "attacks.0: 'mode' of the ensemble 'standard'"),
        ("[{name: pgd, objectives: rat}]", "unknown objective 'rat'; did you mean 'rate'?"),
        (
            "[{name: pgd, objectives: {name: rate, label: rd}}]",
            "two objectives have the label 'rd'",
        ),
    ],
)
def test_invalid_attacks_are_refused(attacks, message):
    with pytest.raises(ConfigError, match=r"small\.yaml:4") as caught:
        _suite(wrong=("[standard]", attacks))
    assert message in str(caught.value)


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standard")
    (folder / "small.yaml").write_text(SUITE)
    assert main(["run", str(folder / "small.yaml"), "-o", str(folder / "run")]) == 0
    run = read_run(folder / "run")
    (row,) = [
        row
        for row in build_board([run]).rows
        if (row.place.codec, row.place.budget) == ("toy", "linf 8")
    ]
    return run, row


def test_the_worst_case_over_members_counts_and_its_attack_is_named(row):
    run, shown = row
    attacked = [
        (record.scores.psnr_source, run.crafts[record.craft])
        for record in run.measures
        if record.victim == "toy" and record.scores and record.craft
    ]
    psnr, attack = min(
        (psnr, f"{craft.attack}, {craft.objective}")
        for psnr, craft in attacked
        if craft.sources and craft.budget == "linf 8"
    )
    assert shown.attack.psnr.mean == psnr
    assert shown.attack.psnr_by == attack
    assert shown.attack.psnr_by.startswith("standard-2 cheap: ")


def test_short_searches_of_the_cheap_mode_raise_no_flag(row):
    run, _ = row
    assert not {flag for craft in run.crafts.values() for flag in craft.flags} - {"random-start"}


@pytest.mark.parametrize("mode", ["cheap", "full"])
@pytest.mark.parametrize("wanted", [{"rd"}, {"rd", "rate"}, {"distortion", "rd"}])
def test_the_cost_alone_gets_only_the_searches_that_its_own_start_from(mode, wanted):
    """Other members that pursue none of the suite's objectives are left out."""

    def members(wanted):
        suite = f"""\
name: alone
images: {{set: sample}}
codecs: [toy]
attacks: [{{name: standard, mode: {mode}}}]
objectives: [{wanted}]
budgets: [linf: 8]
"""
        return parse(suite, "alone", Suite).all_attacks

    every = members("distortion, rate, rd")
    starts = {one.start_from[0] for one in every if one.start_from}
    kept = [one for one in every if str(one) in starts or _objectives(one) & wanted]
    found = members(", ".join(sorted(wanted)))
    assert list(map(str, found)) == list(map(str, kept))
    assert all(str(one) in starts or _objectives(one) <= wanted for one in found)


def _objectives(choice):
    return {objective.name for objective in choice.objectives}
