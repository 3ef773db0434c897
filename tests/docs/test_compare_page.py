"""The command of docs/tasks/compare_codecs.md runs, on one small picture and without VVC."""

from __future__ import annotations

import re
import shlex

from PIL import Image

from bench.cli.main import main
from paths import ROOT

PAGE = (ROOT / "docs/tasks/compare_codecs.md").read_text()
SMALL = ("--limit", "1", "--crop", "32x32", "-o", "out")


def test_the_command_runs(tmp_path, monkeypatch, photograph, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.fromarray(photograph("coffee", 32, 32)).save(tmp_path / "photos/coffee.png")
    (command,) = re.findall(r"^    bench (compare (?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " ").replace("--codec vvc", ""))
    assert main([*words, *SMALL]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for shown in (
        "Beyond what the perturbation itself costs, this is",
        "generations",
        "avif quality=",
    ):
        assert shown in printed
        assert shown in " ".join(PAGE.replace("\n>", "").split())
    assert "mbt2018-mean-small-q" in (tmp_path / "out/comparison.md").read_text()


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 60
