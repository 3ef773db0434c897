"""The example package, installed as a user installs it: listed, run and on the leaderboard."""

from __future__ import annotations

import json
from functools import partial

import pytest

from bench.cli.main import main
from bench.registry import registry
from bench.store.run_folder import read_run
from example_packages import install, run_module
from paths import ROOT

EXAMPLE = ROOT / "examples/plugin-codec"
SUITE = """\
name: plugin
images: {set: sample, names: [coffee], crop: {height: 40, width: 50}}
codecs: [{name: pca, step: [8, 24]}, {name: mjpeg, q: 4}]
attacks: [{name: pgd, steps: 3}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder in which the example package is installed."""
    return install(EXAMPLE, tmp_path_factory.mktemp("site"))


@pytest.fixture
def python(site):
    """Return a function that runs a Python module with the package installed."""
    return partial(run_module, site)


@pytest.fixture
def bench(site, tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in this process, with the package installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(site)
    registry._installed.cache_clear()

    def run(*arguments):
        assert main(arguments) == 0
        return capsys.readouterr().out

    yield run
    registry._installed.cache_clear()


def test_the_codecs_are_listed_with_their_parameters(python):
    listed = {
        item["name"]: item for item in json.loads(python("bench", "list", "codecs", "--json"))
    }
    assert listed["pca"]["parameters"] == {"step": 16.0}
    assert listed["mjpeg"]["parameters"] == {"q": 4}
    assert listed["pca"]["problem"] is listed["mjpeg"]["problem"] is None


def test_the_codecs_run_and_are_on_the_leaderboard(bench, tmp_path):
    (tmp_path / "plugin.yaml").write_text(SUITE)
    bench("run", "plugin.yaml")
    run = read_run(tmp_path / "runs/plugin")
    assert {record.status for record in run.measures} == {"ok"}
    white_box = [r for r in run.measures if r.threat == "white-box"]
    assert {record.victim for record in white_box} == {"pca step=8.0", "pca step=24.0"}
    assert {r.victim for r in run.measures if r.threat == "transfer"} >= {"mjpeg q=4"}
    board = (tmp_path / "runs/plugin/leaderboard-full.md").read_text()
    assert "pca step=8.0" in board
    assert "mjpeg q=4" in board


def test_its_own_conformance_tests_pass(python):
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    assert "passed" in python("pytest", *options, str(EXAMPLE / "tests"))


@pytest.mark.parametrize("name", ["pca", "mjpeg"])
def test_the_codecs_pass_bench_check(name, bench):
    assert "FAIL" not in bench("check", name)


@pytest.mark.parametrize("module", ["pca", "mjpeg"])
def test_a_codec_takes_at_most_forty_lines(module):
    text = (EXAMPLE / f"example_codecs/{module}.py").read_text()
    body = text[text.index("class ") :]
    assert len([line for line in body.splitlines() if line.strip()]) <= 40
