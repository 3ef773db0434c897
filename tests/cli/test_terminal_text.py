"""Text from outside cannot control the terminal: no escape sequence, no forged line, no markup."""

from __future__ import annotations

import json
import unicodedata

import pytest

from bench.cli.main import main
from bench.utils.hashing import digest
from bench.utils.terminal import terminal

FORGED = "WRONG  forged"
EVIL = (
    f"\x1b[2J\x1b]0;title\x07a\rb\n{FORGED}\u2028{FORGED}\u202egnorw\x9b31m [bold]x[/bold] :boom:"
)
SUITE = """\
name: evil
images: {set: sample, names: [chelsea], crop: {height: 24, width: 24}}
codecs:
  - {name: toy, label: LABEL}
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def is_plain(text):
    """Return whether text only has characters to look at, and line feeds of the program."""
    kinds = {unicodedata.category(character) for character in text.replace("\n", "")}
    return not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    (folder / "evil.yaml").write_text(SUITE.replace("LABEL", json.dumps(EVIL)))
    return folder / "evil.yaml"


@pytest.fixture(scope="module")
def finished(suite):
    assert main(["run", str(suite), "-o", str(suite.parent / "run")]) == 0
    return suite.parent / "run"


def shown(capsys, *words):
    """Return the lines that a command prints, on both streams."""
    main(list(words))
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert is_plain(text)
    lines = text.split("\n")
    assert not any(line.lstrip().startswith(FORGED) for line in lines)
    return lines


def test_a_plan_shows_labels_as_they_are(suite, capsys):
    lines = shown(capsys, "plan", str(suite))
    assert sum("[bold]x[/bold] :boom:" in line for line in lines) >= 3


def test_a_run_and_its_leaderboard_show_labels_as_they_are(suite, tmp_path, capsys):
    folder = str(tmp_path / "run")
    for words in (("run", str(suite), "-o", folder), ("show", folder)):
        assert any("[bold]x[/bold]" in line for line in shown(capsys, *words))


def test_verifying_shows_what_a_run_folder_says_as_it_is(finished, capsys):
    path = finished / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["codecs"][EVIL] = "x"
    path.write_text(json.dumps(manifest))
    lines = shown(capsys, "verify", str(finished))
    assert any(line.startswith("WRONG") and "[bold]x[/bold]" in line for line in lines)


def test_an_error_shows_what_a_run_folder_says_as_it_is(finished, capsys):
    path = finished / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["suite"]["plugins"] = [EVIL]
    manifest["suite_sha256"] = digest(manifest["suite"])
    path.write_text(json.dumps(manifest))
    lines = shown(capsys, "verify", str(finished))
    assert any("bench: " in line and "[bold]x[/bold]" in line for line in lines)


def test_a_console_shows_text_as_it_is(capsys):
    terminal().print(EVIL)
    text = capsys.readouterr().out
    assert is_plain(text)
    assert "[bold]x[/bold] :boom:" in text


def test_lists_keep_their_lines(capsys):
    assert main(["list", "codecs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
