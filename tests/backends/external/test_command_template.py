"""The command lines of the codec `command` in suites: what is read, and what is refused."""

from __future__ import annotations

import pytest

from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.suite.json_schema import suite_schema
from bench.suite.suite import load_suite

ONE_SENTENCE = r"^[^\n]+$"

SUITE = """\
name: mine
images: {set: sample, names: [coffee], crop: {height: 64, width: 64}}
codecs:
  - %s
attacks: [sign-noise]
budgets: [linf: 8]
"""


def _suite(tmp_path, codec):
    (tmp_path / "mine.yaml").write_text(SUITE % codec)
    return load_suite(tmp_path / "mine.yaml")


def test_a_list_of_values_gives_operating_points(tmp_path):
    suite = _suite(
        tmp_path,
        '{name: command, encode: "cp {input.png} {output.x} {quality} {copy}", copy: [1, b],'
        ' decode: "cp {input.x} {output.png}", quality: [30, 0.5], label: "{quality} {copy}"}',
    )
    assert [str(point) for point in suite.operating_points] == ["30 1", "0.5 1", "30 b", "0.5 b"]
    signatures = [point.signature for point in suite.operating_points]
    assert signatures[2] == {
        "encode": "cp {input.png} {output.x} {quality} {copy}",
        "decode": "cp {input.x} {output.png}",
        "quality": 30,
        "copy": "b",
    }


def test_the_schema_accepts_any_parameter_of_a_command_and_no_others():
    schemas = suite_schema()["properties"]["codecs"]["items"]["anyOf"][1:]
    further = {one["properties"]["name"]["const"]: one["additionalProperties"] for one in schemas}
    assert {"type": "number"} in further.pop("command")["anyOf"][0]["anyOf"]
    assert not any(further.values())


GOOD = "cp {input.png} {output.x}", "cp {input.x} {output.png}"


@pytest.mark.parametrize(
    ("encode", "decode", "message"),
    [
        ("", GOOD[1], "'encode' of the codec 'command': the command line is empty"),
        ("cp 'a {input.png}", GOOD[1], "cannot be split: No closing quotation"),
        ("cp {output.x}", GOOD[1], "has no input; write {input.png} for a picture or {input.bin}"),
        ("cp {input.png}", GOOD[1], "has no output; write {output.png}"),
        ("cp {inptu.png} {output.x}", GOOD[1], "{inptu.png}; did you mean 'input.png'?"),
        ("cp {input} {output.x}", GOOD[1], "unknown placeholder {input}; did you mean"),
        ("cp {} {input.png} {output.x}", GOOD[1], "unknown placeholder {}; known: input.bin"),
        ("cp {input.png} {input.ppm} {output.x}", GOOD[1], "one input, keep one"),
        ("cp {input.jxl} {output.x}", GOOD[1], "the input of 'encode' is a picture, png, ppm"),
        (GOOD[0], "cp {input.x} {output.x}", "the output of 'decode' is a picture, png, ppm"),
        ("cp {input.png} > {output.x}", GOOD[1], "has '>', but no shell runs it"),
        ("cp {input.png} {output.x} 'a\\tb'", GOOD[1], "has a control character"),
    ],
)
def test_a_wrong_command_line_is_refused_with_its_place_when_the_suite_is_read(
    tmp_path, encode, decode, message
):
    item = f'{{name: command, encode: "{encode}", decode: "{decode}"}}'
    with pytest.raises(ConfigError, match=ONE_SENTENCE) as caught:
        _suite(tmp_path, item)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}:4: codecs.0: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("value", ["true", "null", "{a: 1}", ".nan", '"a\\nb"', '"{input.png}"'])
def test_a_value_that_is_no_number_and_no_text_is_refused(tmp_path, value):
    item = f'{{name: command, encode: "{GOOD[0]} {{q}}", decode: "{GOOD[1]}", q: {value}}}'
    with pytest.raises(ConfigError, match=r"mine.yaml:4: .*'q' of the codec 'command'|finite"):
        _suite(tmp_path, item)


@pytest.mark.parametrize(
    ("words", "parameters", "message"),
    [
        ("{qualty}", {"quality": 3}, "'encode' has {qualty}, which is no parameter; did you mean"),
        ("{quality}", {}, "which is no parameter; add 'quality: VALUE' to the codec"),
        ("{quality}", {"quality": 3, "speed": 1}, "'speed' is in neither command line; known: qua"),
        ("", {"speed": 1}, "'speed' is in neither command line; remove the parameter"),
    ],
)
def test_placeholders_and_parameters_belong_together(words, parameters, message):
    lines = {"encode": f"{GOOD[0]} {words}", "decode": GOOD[1]}
    spec = ComponentSpec("command", tuple((lines | parameters).items()), "mine")
    with pytest.raises(ConfigError, match=ONE_SENTENCE) as caught:
        instantiate("codec", spec)
    assert str(caught.value).startswith("the codec 'mine' cannot be used: ")
    assert message in str(caught.value)
