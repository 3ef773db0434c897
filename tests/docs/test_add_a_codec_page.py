"""The commands of docs/tasks/add_a_codec.md run; its suite on smaller pictures."""

from __future__ import annotations

import re

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from paths import ROOT

PAGE = (ROOT / "docs/tasks/add_a_codec.md").read_text()
COMMANDS = [words.split() for words in re.findall(r"^    bench (.*)$", PAGE, re.MULTILINE)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with the files of the page."""
    for name in ("my_codec.py", "my_suite.yaml"):
        (block,) = re.findall(rf"```\w+\n(# {name}.*?)```", PAGE, re.DOTALL)
        (tmp_path / name).write_text(
            block.replace("height: 128, width: 128", "height: 32, width: 48")
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_check_passes_and_prints_what_the_page_shows(here, capsys):
    check, _ = COMMANDS
    assert main(check) == 0
    printed = capsys.readouterr().out.splitlines()
    shown = re.findall(r"^    ((?:PASS|n/a)  .*)$", PAGE, re.MULTILINE)
    assert len(shown) == 8
    assert set(shown) <= set(printed)


def test_the_suite_scores_the_new_codec_beside_the_others(here, capsys):
    _, run = COMMANDS
    assert main(run) == 0
    assert "blocks side=4" in capsys.readouterr().out
    found = read_run(here / "runs/my-suite")
    assert {one.status for one in found.measures} == {"ok"}
    assert (here / "runs/my-suite/worst.png").is_file()
