"""Code that a suite names: what it brings, and how it is refused."""

from __future__ import annotations

import pytest

from bench import plugins, registry
from bench.cli import main
from bench.config import parse
from bench.errors import ConfigError
from bench.store import read_run
from bench.suite import Suite, load_suite

GREY = """\
import numpy as np
from bench.codec import Codec
from bench.container import pack, unpack
from bench.entry import Entry


class Grey(Codec):
    def __init__(self, level: int = 128) -> None:
        self._level = level

    def encode(self, image):
        return pack(b"grey", *image.shape[:2], [])

    def decode(self, bitstream):
        box = unpack(b"grey", bitstream)
        return np.full((box.height, box.width, 3), self._level, np.uint8)

    def fingerprint(self):
        return f"grey {self._level}"


CODECS = {"grey": Entry(Grey, "one level everywhere")}
"""
SUITE = """\
plugins: [grey.py]
name: small
images: {set: sample, names: [coffee], crop: {height: 16, width: 24}}
codecs: [{name: grey, level: [10, 200]}]
attacks: [uniform-noise]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """Let every test begin with no plugin named."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(registry, "_NAMED", {kind: {} for kind in registry._TABLES})


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "grey.py").write_text(GREY)
    (folder / "small.yaml").write_text(SUITE)
    return folder / "small.yaml"


def test_a_plugin_is_run_measured_and_shown(suite, tmp_path, capsys):
    assert main(["run", str(suite)]) == 0
    assert "grey level=10" in capsys.readouterr().out
    run = read_run(tmp_path / "runs/small")
    found = {record.victim: record.scores for record in run.measures if record.threat == "clean"}
    assert found["grey level=10"].bytes == found["grey level=200"].bytes
    assert found["grey level=10"].mse_clean != found["grey level=200"].mse_clean
    assert run.manifest.suite["plugins"] == ["grey.py"]


def test_a_plugin_that_is_not_named_is_not_known(suite):
    with pytest.raises(ConfigError, match="unknown codec 'grey'"):
        parse(SUITE.replace("plugins: [grey.py]\n", ""), str(suite), Suite)


def test_reading_a_suite_twice_imports_its_plugin_once(suite):
    assert load_suite(suite).points == load_suite(suite).points


def test_a_module_that_can_be_imported_is_named_without_its_suffix(suite, monkeypatch):
    monkeypatch.syspath_prepend(str(suite.parent))
    assert len(parse(SUITE.replace("grey.py", "grey"), "small.yaml", Suite).points) == 2
    assert plugins.is_named("grey")
    assert plugins.is_named("grey.part")
    assert not plugins.is_named("greyer")


def test_parameters_are_checked_like_our_own(suite):
    with pytest.raises(ConfigError, match="'grey' has no parameter 'lvl'; did you mean 'level'"):
        parse(SUITE.replace("level", "lvl"), str(suite), Suite)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (GREY.replace('{"grey"', '{"jpeg"'), "grey.py registers the codec 'jpeg', a name already"),
        ("import nothing_of_this_name", "the plugin grey.py cannot be imported .*nothing_of_this"),
        ("x =", "the plugin grey.py cannot be imported .*SyntaxError"),
        ("x = 1", "the plugin grey.py has no table: none of CODECS, ATTACKS, OBJECTIVES"),
        ("CODECS = {'grey': 3}", "the plugin grey.py: its codecs are no dict of names and entries"),
        ("import sys; sys.exit(3)", "the plugin grey.py cannot be imported"),
    ],
)
def test_a_broken_plugin_is_named(code, words, suite):
    (suite.parent / "grey.py").write_text(code)
    with pytest.raises(ConfigError, match=f"small.yaml:1: plugins: .*{words}"):
        load_suite(suite)


def test_a_plugin_that_is_not_there_is_named(suite):
    (suite.parent / "grey.py").unlink()
    with pytest.raises(ConfigError, match=r"there is no plugin .*grey.py; mend the path"):
        load_suite(suite)
