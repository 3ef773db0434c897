"""Plugins that a run folder names run only for those who allow it."""

from __future__ import annotations

import json
import shutil

import pytest

from bench.cli.main import main
from bench.utils.hashing import digest
from tampering import TRACK


@pytest.fixture(scope="module", autouse=True)
def finished(publish_tracks):
    ((run,), _) = publish_tracks(TRACK, by="tester")
    return run


@pytest.fixture
def folder(finished, tmp_path):
    """Return a run folder that names a plugin, which leaves a trace where it runs."""
    place = shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()\n")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["suite"]["plugins"] = ["stranger.py"]
    manifest["suite_sha256"] = digest(manifest["suite"])
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


@pytest.mark.parametrize("command", ["verify", "publish"])
def test_plugins_of_a_run_folder_run_only_for_those_who_say_so(folder, tmp_path, command, capsys):
    words = [command, str(folder), "--suite-folder", str(tmp_path)]
    words += ["--to", str(tmp_path / "board"), "--by", "me"] * (command == "publish")
    assert main(words) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert f"{folder} names plugins, code that would run here: stranger.py; read it" in printed
    assert "--plugins" in printed
    assert not (tmp_path / "trace").exists()
    assert main([*words, "--plugins"]) == 0
    assert (tmp_path / "trace").exists()
