"""A run that needs a package that is not installed here is not checked; it is no fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.cli.main import main
from bench.entry import Entry
from bench.floors import metric_floor
from bench.metrics.ssim import ssim
from bench.registry import registry

PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

from bench.entry import Entry


@dataclass(frozen=True)
class Mean:
    unit: ClassVar[str] = ""
    better: ClassVar[str] = "higher"
    version: ClassVar[int] = 1

    def __call__(self, reference, picture):
        return float(picture.mean())


METRICS = {"mean": Entry(Mean, "mean level")}
"""
SUITE = """\
name: extra
plugins: [mean.py]
images: {set: sample, names: [coffee], crop: {height: 24, width: 32}}
codecs: [toy]
attacks: [sign-noise]
budgets: [{linf: 8}]
metrics: [mean]
compute: {threads: 1}
"""


def test_verification_says_not_checked_and_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(SUITE)
    (tmp_path / "mean.py").write_text(PLUGIN)
    assert main(["run", "suite.yaml", "-o", "run"]) == 0
    assert main(["verify", "run", "--plugins"]) == 0
    capsys.readouterr()
    lacking = replace(registry.entry("metric", "mean"), packages=("no-such-package",))
    exchange(monkeypatch, "mean", lacking)
    assert main(["verify", "run", "--plugins"]) == 2
    printed = capsys.readouterr().out
    assert "not checked" in printed
    assert "pip install no-such-package" in printed
    assert "WRONG" not in printed


FLOOR_SUITE = """\
name: floor
images: {set: sample, names: [coffee], crop: {height: 24, width: 32}}
codecs: [toy]
attacks: [sign-noise]
budgets: [{haarpsi: 0.9}]
compute: {threads: 1}
"""


class StandIn:
    """A metric without packages."""

    unit, better, version = "", "higher", 1

    def __call__(self, reference, picture):
        return ssim(reference, picture)


@pytest.fixture
def floor_run(tmp_path, monkeypatch):
    """Return a run with a budget in a metric whose package is missing from now on."""
    (tmp_path / "suite.yaml").write_text(FLOOR_SUITE)
    metric_floor._made.cache_clear()
    with monkeypatch.context() as patch:
        exchange(patch, "haarpsi", Entry(StandIn, "a stand-in"))
        command = ["run", str(tmp_path / "suite.yaml"), "-o", str(tmp_path / "run")]
        assert main([*command, "--executor", "serial"]) == 0
        assert main(["verify", str(tmp_path / "run")]) == 0
    metric_floor._made.cache_clear()
    lacking = replace(registry.entry("metric", "haarpsi"), packages=("no-such-package",))
    exchange(monkeypatch, "haarpsi", lacking)
    return tmp_path / "run"


def exchange(monkeypatch, metric, entry):
    """Let a metric be another one."""
    found = registry.entry
    monkeypatch.setattr(
        registry,
        "entry",
        lambda kind, name: entry if (kind, name) == ("metric", metric) else found(kind, name),
    )


def test_a_run_whose_budget_needs_a_missing_package_is_not_checked(floor_run, capsys):
    capsys.readouterr()
    assert main(["verify", str(floor_run)]) == 2
    printed = capsys.readouterr().out
    assert "not checked" in printed
    assert "a budget in haarpsi needs no-such-package" in printed
    assert "WRONG" not in printed


def test_its_bitstreams_are_not_decoded_elsewhere_either(floor_run, capsys):
    capsys.readouterr()
    assert main(["verify", str(floor_run), "--elsewhere"]) == 2
    assert "a budget in haarpsi needs no-such-package" in capsys.readouterr().err
