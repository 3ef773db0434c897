"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.utils.files import write_atomically


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
