"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from PIL import Image as Pictures

from bench.cli.main import main
from bench.utils.files import write_atomically
from paths import ROOT


def test_the_content_is_written_and_no_temporary_file_stays(tmp_path: Path):
    path = tmp_path / "card.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")])
def test_a_failure_leaves_the_old_file_and_no_temporary_file(
    tmp_path: Path, monkeypatch, owner, step
):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "card.json"
    write_atomically(path, b"old")
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_synced_before_the_file_is_renamed(tmp_path: Path, monkeypatch):
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda *args: (calls.append("fsync"), sync(*args)))
    monkeypatch.setattr(Path, "replace", lambda *args: (calls.append("replace"), replace(*args)))
    write_atomically(tmp_path / "card.json", b"new")
    assert calls == ["fsync", "replace"]


def test_no_folder_is_made(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "card.json", b"new")
    assert not list(tmp_path.iterdir())


def test_what_an_attack_wrote_stays_when_writing_fails(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Pictures.new("RGB", (24, 16), "teal").save("photo.png")
    words = ["attack", "photo.png", "--codec", "toy", "--attack", "fgsm", "-o", "out"]
    assert main(words) == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert main(words) == 2
    assert "No space left on device; what was measured before is kept" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


_WRITES = re.compile(r"""\.write_(text|bytes)\(|savefig\((?!picture|stream)|open\(["']w""")
_MAY_WRITE = {
    "bench/utils/files.py",
    "bench/utils/memory.py",
    "backends/external/command_line.py",
}


def test_every_file_for_the_user_is_written_by_the_one_helper():
    """Records, logs and the like are appended to; bench.utils.memory writes to /proc.

    The codec `command` writes what programs read into a temporary folder.
    """
    writing = {
        str(path.relative_to(ROOT))
        for package in ("bench", "leaderboard", "attacks", "backends")
        for path in (ROOT / package).rglob("*.py")
        if _WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert writing == _MAY_WRITE
