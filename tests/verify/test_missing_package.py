"""A run whose metric needs a package that is not installed here is not checked; it is no fault."""

from __future__ import annotations

from dataclasses import replace

from bench.cli.main import main
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
    found = registry.entry
    monkeypatch.setattr(
        registry, "entry", lambda kind, name: lacking if name == "mean" else found(kind, name)
    )
    assert main(["verify", "run", "--plugins"]) == 2
    printed = capsys.readouterr().out
    assert "not checked" in printed
    assert "pip install no-such-package" in printed
    assert "WRONG" not in printed
