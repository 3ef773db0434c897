"""YAML whose numbers are not what they look like is refused, in files and on the command line."""

from __future__ import annotations

import time

import pytest

from bench.cli.key_values import parse_params
from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import resolve
from bench.suite.suite import Suite
from bench.training.recipe import Recipe
from bench.utils.plain_yaml import MOST_VALUES
from bench.utils.yaml_config import load, parse

_SUITE = """\
name: small
images: {set: sample}
codecs:
  - {name: jpeg, quality: 30}
attacks:
  - {name: pgd, steps: 10}
budgets:
  - linf: 8
"""

MISLEADING = ["030", "08", "-010", "0b11", "0x1e", "0o36", "1_000", "1_0.5", "1:30", "1:30.5"]
TRUTHS = ["yes", "true", "on", "No", "off", "[20, true]"]


def _refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "mine.yaml", Suite)
    return str(caught.value)


@pytest.mark.parametrize("number", MISLEADING)
def test_a_number_that_yaml_reads_as_another_is_refused_with_its_line(number: str):
    printed = _refused(_SUITE.replace("quality: 30", f"quality: {number}"))
    assert printed.startswith(f"mine.yaml:4: YAML can read {number} as another number")
    with pytest.raises(ConfigError, match="as another number than it looks like"):
        parse_params([f"quality={number}"])


@pytest.mark.parametrize("number", ["30", "-3", "+3", "0", "0.5", "00.5", "1e3", "'030'", '"1:30"'])
def test_other_numbers_and_quoted_texts_are_read(number: str):
    ((key, _),) = parse_params([f"quality={number}"])
    assert key == "quality"


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize(("before", "line"), [("quality: 30", 4), ("steps: 10", 6), ("linf: 8", 8)])
def test_a_truth_value_is_no_number(truth: str, before: str, line: int):
    key = before.partition(":")[0]
    printed = _refused(_SUITE.replace(before, f"{key}: {truth}"))
    assert printed.startswith(f"mine.yaml:{line}: ")
    assert "expected a number, got " in printed


@pytest.mark.parametrize("written", ["quality=yes", "quality=true"])
def test_a_truth_value_on_the_command_line_is_no_number(written: str):
    with pytest.raises(ConfigError, match="expected a number, got True"):
        resolve("codec", ComponentSpec("jpeg", parse_params([written])))


@pytest.mark.parametrize("written", ["seed: on", "draws: yes", "rd_lambda: true"])
def test_a_truth_value_is_no_setting_of_a_suite(written: str):
    assert "expected a number, got True" in _refused(f"{_SUITE}{written}\n")


def test_truth_values_stay_where_they_are_wanted():
    assert parse(f"{_SUITE}vmaf: yes\ncompute: {{compile: false}}\n", "mine.yaml", Suite).vmaf


@pytest.mark.parametrize(("key", "value"), [("steps", True), ("widths", [True, 8]), ("lr", True)])
def test_a_truth_value_is_no_number_of_a_recipe(recipe, key: str, value: object):
    with pytest.raises(ConfigError, match=rf"tiny.yaml:\d+: {key}: expected a number"):
        load(recipe(**{key: value}), Recipe)


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(ConfigError, match="'quality' is given twice"):
        parse_params(["quality=30", "quality=50"])


def test_aliases_that_stand_for_too_many_values_are_refused_at_once():
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    started = time.monotonic()
    printed = _refused(f"{_SUITE}a0: &a0 [x]\n{laughs}")
    assert time.monotonic() - started < 10
    assert (
        printed
        == f"mine.yaml: it has more than {MOST_VALUES} values, with aliases expanded; split it"
    )


def test_a_list_that_contains_itself_is_refused():
    assert f"more than {MOST_VALUES} values" in _refused(f"{_SUITE}description: &x [*x]\n")


def test_aliases_of_an_ordinary_size_are_read():
    text = _SUITE.replace("steps: 10", "steps: &s [10, 20]").replace(
        "budgets:", "  - {name: apgd, steps: *s}\nbudgets:"
    )
    assert [dict(one.params)["steps"] for one in parse(text, "mine.yaml", Suite).all_attacks] == [
        *(10, 20),
        *(10, 20),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "{set: sample}",
            "{set: sample, names: astronaut}",
            "2: images.names: expected a list, got",
        ),
        ("name: small", "name: 7", "1: name: expected a text, got 7; put it in quotes"),
        ("{name: pgd, steps: 10}", "PGD", "unknown attack 'PGD'; did you mean 'pgd'?"),
        ("steps: 10", f"steps: {'x' * 10_000}", "got 'xxx"),
        ("quality: 30", f"quality: 30, label: {'x' * 10_000}", "has 10000 characters"),
        ("quality: 30", "quality: 30, label: '{quality}" + "x" * 199 + "'", "201 characters"),
        ("name: small", f"name: {'x' * 10_000}", "1: name: "),
    ],
)
def test_the_sentence_says_what_is_expected(before: str, after: str, expected: str):
    assert before in _SUITE
    printed = _refused(_SUITE.replace(before, after, 1))
    assert expected in printed
    assert len(printed) < 1000


@pytest.mark.parametrize("label", ["{checkpoint}", "7", "[a, b]", "yes"])
def test_a_label_on_the_command_line_is_text(label: str):
    assert parse_params(["quality=[1, 2]", f"label={label}"]) == (
        ("quality", [1, 2]),
        ("label", label),
    )
