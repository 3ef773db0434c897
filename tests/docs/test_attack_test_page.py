"""The commands of docs/tasks/test_an_attack.md run, and print what the page shows."""

from __future__ import annotations

import re
import shlex

import pytest
from PIL import Image

from bench.cli.main import main
from paths import ROOT

PAGE = (ROOT / "docs/tasks/test_an_attack.md").read_text()
COMMANDS = re.findall(r"^    bench (attack-test .*)$", PAGE, re.MULTILINE)
MODEL = ("--codec", "bmshj2018-hyperprior", "checkpoint=bmshj2018-hyperprior-small-q4")
SMALL = ("--pictures", "small", "--crop", "32x32", "--objective", "rate", "-o", "out")
"""Words after a command that make it short: one picture, one objective."""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command, tmp_path, monkeypatch, photograph, capsys):
    monkeypatch.chdir(tmp_path)
    plugins = (ROOT / "docs/plugins.md").read_text()
    (block,) = re.findall(r"```python\n(# my_attack.py.*?)```", plugins, re.DOTALL)
    (tmp_path / "my_attack.py").write_text(block)
    (tmp_path / "small").mkdir()
    Image.fromarray(photograph("coffee", 32, 32)).save(tmp_path / "small/coffee.png")
    words = shlex.split(command)
    assert main([*words, *(() if "--codec" in words else MODEL), *SMALL]) == 0
    printed = capsys.readouterr().out
    for shown in ("standard-2 cheap: it gains more in", "Cost and optimality, budgets in linf"):
        assert shown in printed
        assert shown in PAGE


def test_the_page_has_commands_and_is_short():
    assert len(COMMANDS) == 3
    assert len(PAGE.splitlines()) <= 60
