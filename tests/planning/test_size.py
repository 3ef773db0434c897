"""Large grids are planned in linear time, and suites that are too large are refused at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine.runner import prepare
from bench.errors import ConfigError
from bench.planning.resolve import scoring_spec
from bench.planning.size import MOST_JOBS
from bench.suite.fields import MOST_POINTS
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

_SUITE = """\
name: grid
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 16}}}}
codecs: {codecs}
attacks: {attacks}
objectives: [distortion]
budgets: [{{linf: 8}}]
"""
_HUNDRED = list(range(1, 101))
_TENTHS = [number / 10 for number in range(1, 21)]


def _suite(codecs: str = "[toy]", attacks: str = "[fgsm]", more: str = "") -> Suite:
    return parse(_SUITE.format(codecs=codecs, attacks=attacks) + more, "grid.yaml", Suite)


def test_a_grid_is_planned_in_time_that_grows_with_its_points_only(tmp_path: Path):
    """Seconds are enough; a model for every point, or a walk over all pairs, takes minutes."""
    codecs = f"[{{name: toy, gain: {_HUNDRED}, defence: {{name: gaussian, sigma: {_TENTHS}}}}}]"
    attacks = f"[fgsm, {{name: pgd, steps: {_HUNDRED}, restarts: {_HUNDRED[:10]}, sources: toy}}]"
    codecs = codecs.replace("[{", "[toy, {", 1)
    text = _SUITE.format(codecs=codecs, attacks=attacks) + "transfer: none\n"
    (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "bench", "plan", str(tmp_path / "grid.yaml")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.stderr == ""
    assert "searches: 3101" in done.stdout


def test_victims_are_as_the_transfer_says():
    """Noise is scored on all; a search on its source, on defended versions, on what has none."""
    codecs = "[{name: toy, gain: [1, 2], defence: flip}, {name: jpeg, quality: 50}]"
    for more, victims in (
        ("transfer: none\n", {"toy gain=1.0", "toy gain=1.0 + flip"}),
        ("", {"toy gain=1.0", "toy gain=1.0 + flip", "jpeg quality=50"}),
    ):
        groups = prepare(_suite(codecs, more=more), Path()).plan.groups
        scored = {
            str(group.craft.search.choice): {cell.victim.label for cell in group.cells}
            for group in groups
            if group.craft is not None
            and (not group.craft.sources or group.craft.sources[0].label == "toy gain=1.0")
        }
        assert scored["fgsm"] - {"identity"} == victims
        assert len(scored["sign-noise"]) == 6


@pytest.mark.parametrize("transfer", ["all", "gradient-free"])
def test_only_pictures_of_the_named_codecs_transfer(transfer):
    listed = ("gain: [1, 2]", "gain: 2, defence: flip")
    toys = ", ".join(f"{{name: toy, {one}}}" for one in listed)
    codecs = f"[{toys}, {{name: jpeg, quality: 50}}]"
    more = f"transfer: {transfer}\ntransfer_from: [toy gain=1.0]\n"
    groups = prepare(_suite(codecs, more=more), Path()).plan.groups
    scored = {
        group.craft.sources[0].label: {cell.victim.label for cell in group.cells} - {"identity"}
        for group in groups
        if group.craft is not None and group.craft.sources
    }
    others = {"toy gain=2.0", "toy gain=2.0 + flip"} if transfer == "all" else set()
    assert scored == {
        "toy gain=1.0": {"toy gain=1.0", "jpeg quality=50", *others},
        "toy gain=2.0": {"toy gain=2.0", "toy gain=2.0 + flip"},
        "toy gain=2.0 + flip": {"toy gain=2.0 + flip"},
    }


@pytest.mark.parametrize(
    "grids",
    [
        {"attacks": f"[{{name: pgd, steps: {_HUNDRED * 10}, restarts: {_HUNDRED * 10}}}]"},
        {
            "attacks": "["
            + ", ".join([f"{{name: pgd, steps: {_HUNDRED}, restarts: {_HUNDRED}}}"] * 11)
            + "]"
        },
        {"codecs": f"[{{name: jpeg, quality: {_HUNDRED}, subsampling: {_HUNDRED * 11}}}]"},
        {
            "codecs": "[{name: toy, defence: ["
            + ", ".join([f"{{name: gaussian, sigma: {_HUNDRED}}}"] * 3)
            + "]}]"
        },
    ],
)
def test_a_grid_is_counted_before_it_is_made(grids: dict[str, str]):
    with pytest.raises(ConfigError, match=rf"grid.yaml:\d+: .* more than {MOST_POINTS}; shorten"):
        _suite(**grids)


def test_jobs_are_counted_before_they_are_made():
    thousand = f"{{name: pgd, steps: {_HUNDRED}, restarts: {_HUNDRED[:10]}}}"
    suite = _suite(f"[{{name: toy, gain: {_HUNDRED}}}]", f"[{thousand}]", "transfer: all\n")
    # clean, noise, and for every attack and source one search and the evaluations
    jobs = 101 + 102 + 1000 * 100 * 102
    with pytest.raises(ConfigError, match=rf"has {jobs} searches .*, more than {MOST_JOBS}"):
        prepare(suite, Path())


@pytest.mark.parametrize("more", ["", "transfer_from: [toy gain=1.0]\n"])
def test_the_count_is_the_number_of_jobs(monkeypatch, more):
    suite = _suite(
        "[{name: toy, gain: [1, 2]}, {name: toy, defence: random-ensemble, gain: 1},"
        " {name: jpeg, quality: 50}]",
        "[fgsm, {name: square, queries: 5, sources: jpeg quality=50}, {name: pgd, transfer: none}]",
        more,
    )
    planned = prepare(suite, Path()).plan
    jobs = len(planned.crafts) + len(planned.cells)
    monkeypatch.setattr("bench.planning.size.MOST_JOBS", jobs)
    prepare(suite, Path())
    monkeypatch.setattr("bench.planning.size.MOST_JOBS", jobs - 1)
    with pytest.raises(ConfigError, match=f"has {jobs} searches"):
        prepare(suite, Path())


def test_evaluations_that_are_left_to_others_are_not_counted(monkeypatch):
    codecs = f"[{{name: toy, gain: {_HUNDRED}}}, {{name: jpeg, quality: 50}}]"
    suite = _suite(codecs, "[fgsm]", "transfer: all\nscore: [jpeg quality=50]\n")
    planned = prepare(suite, Path()).plan
    jobs = len(planned.crafts) + len(planned.cells)
    assert jobs < 400  # of 10,000 with all evaluations
    monkeypatch.setattr("bench.planning.size.MOST_JOBS", jobs)
    prepare(suite, Path())


@pytest.mark.parametrize(
    ("metrics", "codings"),
    [
        ("[]", 0),
        ("[xpsnr, {name: error-bands, band: low}]", 0),
        ("[{name: generations, count: [2, 5, 10]}, generation-rate]", 9),
        ("[{name: bit-errors, rate: [0.01, 0.1]}, {name: bit-error-psnr, rate: 0.1}]", 10),
        ("[{name: bit-errors, repetitions: 4}, {name: bit-error-psnr, repetitions: 2}]", 3),
        ("[{name: generations, count: 3}, bit-errors]", 7),
    ],
)
def test_what_metrics_share_is_planned_once(metrics: str, codings: float):
    terms = scoring_spec(_suite(more=f"metrics: {metrics}\n"))
    assert terms.codings == codings
