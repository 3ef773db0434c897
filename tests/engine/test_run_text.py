"""Names and messages that are no text, other encodings, and codecs that change the folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pictures

from attacks.gradient.pgd import PGD
from backends.toy import Toy
from bench.cli.main import main
from bench.errors import LONGEST_MESSAGE, BenchError, ConfigError, one_line
from bench.store.run_folder import read_run
from small_run import SUITE, run_suite

_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
_BROKEN = os.fsdecode(b"a\xe9\xff.png")


def test_a_message_that_is_no_text_is_recorded_and_the_run_goes_on(tmp_path: Path, monkeypatch):
    def broken(self: Toy, bitstream: bytes):
        raise RuntimeError("no \udcff here")

    monkeypatch.setattr(Toy, "decode", broken)
    run_suite(SUITE, tmp_path)
    reasons = {r.reason for r in read_run(tmp_path).measures if r.victim == "toy"}
    assert reasons == {"RuntimeError: no \\udcff here"}
    assert run_suite(SUITE, tmp_path) == []


def test_a_flag_that_is_no_text_is_recorded(tmp_path: Path, monkeypatch):
    search = PGD.__call__

    def flagged(self: PGD, *arguments, **named):
        result = search(self, *arguments, **named)
        return type(result)(result.images, result.trace, (("odd \udcff",),) * len(result.images))

    monkeypatch.setattr(PGD, "__call__", flagged)
    run_suite(SUITE, tmp_path)
    flags = {flag for craft in read_run(tmp_path).crafts.values() for flag in craft.flags}
    assert "odd \\udcff" in flags


def test_a_fingerprint_that_is_no_text_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "fingerprint", lambda self: "\udcff")
    with pytest.raises(ConfigError, match=r"the fingerprint of the codec 'toy' is .* no text"):
        run_suite(SUITE, tmp_path)


def test_a_message_is_one_line_of_bounded_length_whatever_an_exception_does():
    class Odd(Exception):
        def __str__(self) -> str:
            raise KeyError

    assert one_line(Odd()) == "Odd: its message cannot be read"
    assert len(one_line(ValueError("x" * 10**6))) == LONGEST_MESSAGE + 3
    one_line(ConfigError("\ud800")).encode()


@pytest.mark.parametrize("command", ["run", "attack"])
def test_a_picture_whose_name_is_no_text_is_refused_by_name(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Pictures.new("RGB", (24, 16)).save(Path("photos") / _BROKEN)
    suite = "\n".join(SUITE.splitlines()[2:])
    Path("s.yaml").write_text(f"name: s\nimages: {{set: ./photos}}\n{suite}", encoding="utf-8")
    words = {"run": ["s.yaml"], "attack": [f"photos/{_BROKEN}", "--codec", "toy"]}[command]
    assert main([command, *words]) == 2
    assert r"photos/a\xe9\xff.png' is no text in utf-8; rename the file" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_two_equal_pictures_are_named(tmp_path: Path):
    for name in ("first", "second"):
        Pictures.new("RGB", (24, 16)).save(tmp_path / f"{name}.png")
    files = f"files: [{tmp_path}/first.png, {tmp_path}/second.png]"
    text = SUITE.replace("24", "16").replace("set: sample, names: [chelsea, coffee]", files)
    with pytest.raises(BenchError, match="'first' and 'second' have the same pixels; leave one"):
        run_suite(text.replace("width: 40", "width: 20"), tmp_path / "run")


def test_a_run_in_an_ascii_terminal_ends_with_its_page(tmp_path: Path):
    text = SUITE.replace("label: JPEG", "label: JPÉG")
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    for words in (["run", "s.yaml", "--workers", "2"], ["show", "runs/small"]):
        done = subprocess.run(
            [sys.executable, "-m", "bench", *words],
            cwd=tmp_path,
            env=os.environ | _ASCII | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert rb"JP\xc9G" in done.stdout
    page = (tmp_path / "runs/small/leaderboard.md").read_text(encoding="utf-8")
    assert "JPÉG" in page


def test_the_page_is_written_before_the_table_is_shown(tmp_path: Path, monkeypatch):
    def broken(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("leaderboard.commands.boards.show", broken)
    Path("s.yaml").write_text(SUITE, encoding="utf-8")
    main(["run", "s.yaml", "--executor", "serial"])
    assert Path("runs/small/leaderboard.md").is_file()


def test_a_codec_that_changes_the_folder_does_not_move_the_run(tmp_path, monkeypatch, capsys):
    encode, elsewhere = Toy.encode, tmp_path / "elsewhere"

    def wandering(self: Toy, image):
        os.chdir(elsewhere)
        return encode(self, image)

    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Toy, "encode", wandering)
    Path("s.yaml").write_text(SUITE, encoding="utf-8")
    assert main(["run", "s.yaml", "--executor", "serial"]) == 0
    run = read_run(tmp_path / "runs/small")
    assert len(run.measures) == run.manifest.cells
    assert (tmp_path / "runs/small/leaderboard.md").is_file()
    assert not list(elsewhere.iterdir())


def test_a_file_in_place_of_the_run_folder_is_named(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SUITE, encoding="utf-8")
    Path("notes").write_text("mine", encoding="utf-8")
    assert main(["run", "s.yaml", "-o", "notes"]) == 2
    printed = capsys.readouterr().err
    assert "notes is a file, not a folder; choose another with --out" in printed
    assert main(["run", "s.yaml", "-o", "notes/run"]) == 2
    printed = capsys.readouterr().err
    assert "Not a directory" in printed
    assert "free the disk" not in printed
