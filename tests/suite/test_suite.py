"""Suites: defaults, grids, budgets, and the messages for invalid files."""

from pathlib import Path
from textwrap import dedent

import pytest

from bench.budget import L2, Linf, Mse, Region
from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import resolve
from bench.suite import bundled_suites
from bench.suite.json_schema import suite_schema
from bench.suite.suite import Suite
from bench.utils.yaml_config import load, parse
from paths import ROOT

_SUITE = """\
name: small
images: {set: sample, names: [coffee]}
codecs:
  - toy
attacks:
  - fgsm
budgets:
  - linf: 8
"""


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "mine.yaml", Suite)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_minimal_suite_has_the_documented_defaults():
    suite = parse(_SUITE, "mine.yaml", Suite)
    assert suite.operating_points == [resolve("codec", ComponentSpec("toy"))]
    assert [str(choice) for choice in suite.default_objectives] == ["distortion", "rate"]
    assert suite.transfer == "gradient-free"
    assert suite.budgets[0].budget() == Linf(8)


def test_lists_as_values_are_grids_in_the_order_written():
    text = _SUITE.replace("- fgsm", "- {name: pgd, steps: [10, 60], restarts: [1, 2]}")
    searches = parse(text, "mine.yaml", Suite).all_attacks
    assert [dict(choice.params) for choice in searches] == [
        {"steps": steps, "restarts": restarts} for steps in (10, 60) for restarts in (1, 2)
    ]


def test_labels_are_made_from_parameters():
    text = _SUITE.replace("- toy", '- {name: toy, gain: [1.0, 2.0], label: "toy x{gain}"}')
    assert [str(point) for point in parse(text, "mine.yaml", Suite).operating_points] == [
        "toy x1.0",
        "toy x2.0",
    ]


@pytest.mark.parametrize(
    ("written", "budget"),
    [
        ("linf: 4.0", Linf(4)),
        ("l2: 300", L2(300)),
        ("mse: 6.0e-4", Mse(6e-4)),
        (
            "{linf: 2, region: {top: 0, left: 1, height: 2, width: 3}}",
            Linf(2, region=Region(0, 1, 2, 3)),
        ),
    ],
)
def test_budgets(written, budget):
    suite = parse(_SUITE.replace("linf: 8", written), "mine.yaml", Suite)
    assert suite.budgets[0].budget() == budget


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("attacks:", "atacks:", "mine.yaml:5: atacks: unknown key; did you mean 'attacks'?"),
        ("- toy", "- jepg", "mine.yaml:4: codecs.0: unknown codec 'jepg'; did you mean 'jpeg'?"),
        ("- fgsm", "- pgdd", "mine.yaml:6: attacks.0: unknown attack 'pgdd'; did you mean 'pgd'?"),
        (
            "- fgsm",
            "- {name: pgd, step: 3}",
            "mine.yaml:6: attacks.0: the attack 'pgd' has no parameter 'step'; did you mean",
        ),
        (
            "- fgsm",
            "- {name: pgd, steps: 0}",
            "6: attacks.0: 'steps' of the attack 'pgd'",
        ),
        ("- toy", "- {name: vvc, qp: 64}", "mine.yaml:4: codecs.0: 'qp' of the codec 'vvc'"),
        ("- toy", "- vvc", "mine.yaml:4: codecs.0: the codec 'vvc' needs the parameter 'qp'"),
        ("linf: 8", "linf: -1", "8: budgets.0.linf: input should be greater than or equal to 1"),
        (
            "linf: 8",
            "{linf: 8, l2: 3}",
            "8: budgets.0: a budget has exactly one of linf, l2, mse",
        ),
        ("linf: 8", "linf: eight", "mine.yaml:8: budgets.0.linf: input should be a valid integer"),
        ("linf: 8", "linf: 0.5", "mine.yaml:8: budgets.0.linf: input should be a valid integer"),
        ("linf: 8", "l2: .inf", "mine.yaml:8: budgets.0.l2: input should be a finite number"),
        (
            "- toy",
            "- {name: toy, gain: .nan}",
            "'gain' of the codec 'toy': input should be a finite",
        ),
        ("- fgsm", "- {name: pgd, steps: []}", "'steps' of the attack 'pgd' is an empty list"),
        ("- fgsm", "- [fgsm, pgd]", "expected the attack's name, or a mapping with 'name'"),
        ("- fgsm", "- {name: [fgsm, pgd]}", "expected the attack's name"),
        ("- toy", "- {name: toy, label: []}", "the label [] is not a text"),
        ("- toy", "- {name: toy, label: null}", "the label None is not a text"),
        ("- toy", "- {name: jpeg, 30: 3}", "the codec 'jpeg' has no parameter '30'"),
        ("name: small", "name: small\ndescription: &x [*x]", "mine.yaml"),
        ("name: small", "name: small\ndescription: 2020-99-99", "mine.yaml"),
        ("name: small", "name: small\nseed: !!int abc", "mine.yaml"),
        ("name: small", 'name: small\ndescription: "\\ud800"', "mine.yaml"),
        ("name: small", "name: ../x", "mine.yaml:1: name: "),
        ("- toy", "- toy\n  - toy", "mine.yaml:3: codecs: toy is listed twice"),
        (
            "- toy",
            "- {name: toy, label: 'a {b}'}",
            "4: codecs.0: the label 'a {b}' can use",
        ),
        ("- linf: 8", "- linf: 8\n  - linf: 8.0", "7: budgets: linf 8 is listed twice"),
        ("- toy", "- 7", "mine.yaml:4: codecs.0: expected the codec's name"),
        ("images: {set: sample, names: [coffee]}\n", "", "mine.yaml:1: images: field required"),
        ("linf: 8", "linf: 8\nname: again", "mine.yaml:9: the key 'name' is given twice"),
        ("- toy", "- [toy", "mine.yaml:"),
    ],
)
def test_an_invalid_suite_is_refused_with_its_line(before, after, expected):
    assert before in _SUITE
    assert expected in _refusal(_SUITE.replace(before, after, 1))


def test_yaml_cannot_create_objects():
    message = _refusal(_SUITE + "description: !!python/object/apply:os.system [true]\n")
    assert "mine.yaml" in message


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_yaml_that_is_not_a_suite_is_refused(text):
    assert "expected 'key: value' lines" in _refusal(text)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read .*none\.yaml: No such file"):
        load(tmp_path / "none.yaml", Suite)


def test_every_bundled_suite_is_valid():
    folder = ROOT / "suites"
    assert bundled_suites() == sorted(path.stem for path in folder.glob("*.yaml"))
    for name in bundled_suites():
        assert load(folder / f"{name}.yaml", Suite).name == name


def test_the_schema_offers_every_name_and_parameter():
    schema = suite_schema()
    attacks = schema["properties"]["attacks"]["items"]["anyOf"]
    assert "pgd" in attacks[0]["enum"]
    pgd = next(item for item in attacks[1:] if item["properties"]["name"]["const"] == "pgd")
    assert {
        "name",
        "label",
        "objectives",
        "transfer",
        "sources",
        "rounding",
        "starts",
        "start_from",
        "extensions",
        "steps",
        "step_size",
        "restarts",
    } == set(pgd["properties"])
    assert "mbt2018-mean" in schema["properties"]["codecs"]["items"]["anyOf"][0]["enum"]


def test_preset_parameters_cannot_be_set():
    text = _SUITE.replace("- toy", "- {name: mbt2018, architecture: cheng2020-attn, quality: 1}")
    assert "has no parameter 'architecture'" in _refusal(text)


def test_errors_in_nested_blocks_name_their_keys():
    text = dedent(_SUITE).replace("names: [coffee]", "crop: {hight: 3, width: 3}")
    assert "images.crop.hight: unknown key; did you mean 'height'?" in _refusal(text)
