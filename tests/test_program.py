"""What an ffmpeg may do wrong, played by small scripts."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pytest

import backends.ffmpeg
from backends.ffmpeg import Vvc, availability
from bench.container import pack
from bench.errors import CodecError, ConfigError

ONE_SENTENCE = r"^[^\n]+$"
PICTURE = np.full((17, 33, 3), 99, np.uint8)
BITSTREAM = pack(backends.ffmpeg._CODEC_ID, 17, 33, [b"stream"])


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder that temporary files go to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def stand_in(tmp_path):
    """Makes an ffmpeg that says it has VVC and does something else when it is to use it."""

    def make(deed):
        script = tmp_path / "ffmpeg-stand-in"
        script.write_text(
            "#!/bin/sh\n"
            'for word; do case "$word" in */output) target=$word;; esac; done\n'
            'case "$*" in\n'
            "*-encoders) echo ' V....D libvvenc  one';;\n"
            "*-decoders) echo ' V....D vvc  another';;\n"
            f"*) {deed};;\nesac\n"
        )
        script.chmod(0o755)
        return str(script)

    return make


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("echo reason >&2; echo '[x @ 0x55a] last' >&2; exit 7", r"exit code 7: \[x\] last$"),
        ("exit 1", "exit code 1: it said nothing"),
        ("kill -SEGV $$", "exit code -11"),
        ("cat >/dev/null", "wrote no bitstream"),
    ],
    ids=["fails", "fails silently", "crashes", "writes nothing"],
)
def test_a_failing_encoder_is_told_in_one_sentence(stand_in, temporary, deed, told):
    codec = Vvc(qp=32, ffmpeg=stand_in(deed))
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        codec.encode(PICTURE)
    assert caught.match(told)
    assert caught.match("ffmpeg-stand-in")
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("echo damaged >&2; exit 69", "exit code 69: damaged"),
        ('printf abc >"$target"', "gave 3 bytes, not 1836"),
        ("cat >/dev/null", "gave 0 bytes, not 1836"),
        ('head -c 4000 /dev/zero >"$target"', "gave 4000 bytes, not 1836"),
    ],
    ids=["fails", "writes too little", "writes nothing", "writes too much"],
)
def test_a_failing_decoder_is_told_in_one_sentence(stand_in, temporary, deed, told):
    codec = Vvc(qp=32, ffmpeg=stand_in(deed))
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        codec.decode(BITSTREAM)
    assert caught.match(told)
    assert caught.match("ffmpeg-stand-in")
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    "deed", ["exec sleep 600", "while :; do echo word >&2; done", "trap '' TERM; exec sleep 600"]
)
def test_a_hanging_binary_is_stopped_and_gone(stand_in, temporary, tmp_path, monkeypatch, deed):
    codec = Vvc(qp=32, ffmpeg=stand_in(f"echo $$ >{tmp_path}/pid; {deed}"))
    monkeypatch.setattr(backends.ffmpeg, "_START_S", 0.5)
    monkeypatch.setattr(backends.ffmpeg, "_PATIENCE", 0)
    with pytest.raises(CodecError, match=r"^ffmpeg-stand-in was stopped after 0\.5 s$"):
        codec.encode(PICTURE)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (None, "cannot be run: No such file"),
        ("#!/nowhere/sh\n", "cannot be run: No such file"),
        ("#!/bin/sh\nexit 3\n", "exit code 3"),
        ("#!/bin/sh\necho ' V....D libx264  other'\n", "no decoder vvc and no encoder libvvenc"),
        ("#!/bin/sh\necho ' V....D libvvenc  half'\n", "it has no decoder vvc;"),
    ],
    ids=["missing", "no interpreter", "fails", "without VVC", "without the decoder"],
)
def test_an_unusable_binary_is_told_with_the_way_out(tmp_path, script, problem):
    path = tmp_path / "ffmpeg-other"
    if script is not None:
        path.write_text(script)
        path.chmod(0o755)
    with pytest.raises(ConfigError, match=ONE_SENTENCE) as caught:
        Vvc(qp=32, ffmpeg=str(path))
    for part in (problem, str(path), "pip install 'imageio-ffmpeg", "BENCH_FFMPEG", "drop vvc"):
        assert part in str(caught.value)


def test_a_binary_that_does_not_answer_is_unusable(tmp_path, monkeypatch):
    path = tmp_path / "ffmpeg-mute"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    monkeypatch.setattr(backends.ffmpeg, "_START_S", 0.3)
    with pytest.raises(ConfigError, match=r"was stopped after 0\.3 s"):
        Vvc(qp=32, ffmpeg=str(path))


def test_the_parameter_wins_over_the_environment(stand_in, monkeypatch):
    path = stand_in("exit 9")
    monkeypatch.setenv("BENCH_FFMPEG", "/nowhere/ffmpeg")
    assert "/nowhere/ffmpeg (from BENCH_FFMPEG)" in (availability() or "")
    Vvc(qp=32, ffmpeg=path)
    monkeypatch.setenv("BENCH_FFMPEG", path)
    assert availability() is None
    with pytest.raises(CodecError, match="exit code 9"):
        Vvc(qp=32).encode(PICTURE)


def test_without_any_ffmpeg_the_way_out_is_told(monkeypatch):
    def none():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.delenv("BENCH_FFMPEG", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(backends.ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", none)
    reason = availability() or ""
    assert "cannot be run: No such file" in reason
    assert "pip install" in reason
