"""Faults of ffmpeg, simulated by small scripts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import backends.external.ffmpeg.program
import backends.external.program
from backends.external.availability import vvc_availability
from backends.external.ffmpeg.codecs import Av1, Hevc, JpegXl, SvtAv1, Vvc
from backends.external.ffmpeg.formats import AV1, HEVC, JPEGXL, SVT_AV1, VVC
from backends.external.program import Program
from bench.container import pack
from bench.errors import CodecError, ConfigError

ONE_SENTENCE = r"^[^\n]+$"
PICTURE = np.full((17, 33, 3), 99, np.uint8)
BITSTREAM = pack(VVC.container_id, 17, 33, [b"stream"])
FORMATS = (VVC, HEVC, AV1, SVT_AV1, JPEGXL)
ENCODERS = [form.programs.encoder for form in FORMATS]
DECODERS = [form.programs.decoder for form in FORMATS]
CODECS = [
    partial(Vvc, qp=32),
    partial(Hevc, qp=32),
    partial(Av1, crf=32),
    partial(SvtAv1, crf=32),
    partial(JpegXl, distance=2),
]
EVERY_CODEC = pytest.mark.parametrize("codec", CODECS, ids=[form.name for form in FORMATS])


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Make an ffmpeg that lists every codec and misbehaves when it encodes or decodes."""

    def make(behaviour):
        script = tmp_path / "ffmpeg-stand-in"
        script.write_text(
            "#!/bin/sh\n"
            'for word; do case "$word" in /dev/fd/*) target=$word;; esac; done\n'
            'case "$*" in\n'
            f"*-encoders) printf ' V....D %s  x\\n' {' '.join(ENCODERS)};;\n"
            f"*-decoders) printf ' V....D %s  x\\n' {' '.join(DECODERS)};;\n"
            f"*) {behaviour};;\nesac\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("BENCH_FFMPEG", str(script))

    return make


def _written(width, height, samples):
    """What a stand-in does to write a picture of this size."""
    header = f"YUV4MPEG2 W{width} H{height} F25:1\\nFRAME\\n"
    return f"{{ printf '{header}'; head -c {samples} /dev/zero; }} >\"$target\""


@EVERY_CODEC
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("echo '[x @ 0x55a] first' >&2; echo more >&2; exit 7", r"exit code 7: \[x\] first$"),
        ("printf 'Svt[info]: ---\\nfirst\\nmore\\n' >&2; exit 7", "exit code 7: first$"),
        ("exit 1", "exit code 1: it printed no error message"),
        ("kill -SEGV $$", "exit code -11"),
        ("cat >/dev/null", "wrote no bitstream"),
    ],
    ids=["fails", "fails after chatter", "fails silently", "crashes", "writes nothing"],
)
def test_a_failing_encoder_is_reported_in_one_sentence(
    stand_in, temporary, codec, behaviour, message
):
    stand_in(behaviour)
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        codec().encode(PICTURE)
    assert caught.match(message)
    assert caught.match("ffmpeg-stand-in")
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("echo damaged >&2; exit 69", "exit code 69: damaged"),
        ("cat >/dev/null", "ffmpeg-stand-in wrote no picture"),
        ('head -c 4000 /dev/zero >"$target"', "ffmpeg-stand-in wrote no picture"),
        (_written(34, 18, 3), "wrote 3 bytes instead of 1836"),
        (_written(34, 18, 4000), "wrote 4000 bytes instead of 1836"),
        (_written(18, 34, 1836), "holds a picture of 34x18 instead of 18x34"),
    ],
    ids=["fails", "nothing", "no picture", "too little", "too much", "another size"],
)
def test_a_failing_decoder_is_reported_in_one_sentence(stand_in, temporary, behaviour, message):
    stand_in(behaviour)
    with pytest.raises(CodecError, match=ONE_SENTENCE) as caught:
        Vvc(qp=32).decode(BITSTREAM)
    assert caught.match(message)
    assert not list(temporary.iterdir())


@EVERY_CODEC
@pytest.mark.parametrize(
    "behaviour",
    [
        "exec sleep 600",
        "while :; do echo word >&2; sleep 0.01; done",
        "trap '' TERM; exec sleep 600",
    ],
)
def test_a_hanging_binary_is_stopped_and_gone(
    stand_in, temporary, tmp_path, monkeypatch, codec, behaviour
):
    stand_in(f"echo $$ >{tmp_path}/pid; {behaviour}")
    made = codec()
    monkeypatch.setattr(backends.external.program, "_START_S", 2)
    monkeypatch.setattr(backends.external.program, "_PATIENCE", 0)
    with pytest.raises(CodecError, match=r"^ffmpeg-stand-in was stopped after 2 s$"):
        made.encode(PICTURE)
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
def test_an_unusable_binary_is_reported_with_the_remedy(tmp_path, monkeypatch, script, problem):
    path = tmp_path / "ffmpeg-other"
    if script is not None:
        path.write_text(script)
        path.chmod(0o755)
    monkeypatch.setenv("BENCH_FFMPEG", str(path))
    with pytest.raises(ConfigError, match=ONE_SENTENCE) as caught:
        Vvc(qp=32)
    for part in (problem, str(path), "pip install 'imageio-ffmpeg", "BENCH_FFMPEG", "drop vvc"):
        assert part in str(caught.value)


def test_a_binary_that_does_not_answer_is_unusable(tmp_path, monkeypatch):
    path = tmp_path / "ffmpeg-mute"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    monkeypatch.setenv("BENCH_FFMPEG", str(path))
    monkeypatch.setattr(backends.external.program, "_START_S", 0.3)
    with pytest.raises(ConfigError, match=r"was stopped after 0\.3 s"):
        Vvc(qp=32)


def test_the_environment_names_the_binary_and_no_other_is_tried(stand_in, monkeypatch):
    monkeypatch.setenv("BENCH_FFMPEG", "/nowhere/ffmpeg")
    assert "/nowhere/ffmpeg (from BENCH_FFMPEG)" in (vvc_availability() or "")
    stand_in("exit 9")
    assert vvc_availability() is None
    with pytest.raises(CodecError, match="exit code 9"):
        Vvc(qp=32).encode(PICTURE)


def test_without_any_ffmpeg_the_remedy_is_reported(monkeypatch):
    def none():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.delenv("BENCH_FFMPEG", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(backends.external.ffmpeg.program.imageio_ffmpeg, "get_ffmpeg_exe", none)
    reason = vvc_availability() or ""
    assert "cannot be run: No such file" in reason
    assert "pip install" in reason


def test_a_start_runs_no_python_in_the_child():
    """Python runs the hooks of a fork exactly then; such a start copies the page tables."""
    code = (
        "import os; from backends.external.program import Program; forks = [];"
        "os.register_at_fork(before=lambda: forks.append(1));"
        "Program('/bin/echo').run(['word'], 60); print(len(forks))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_without_setpriv_a_program_runs_too(monkeypatch):
    monkeypatch.setattr(backends.external.program, "_launcher", lambda: ())
    assert Program("/bin/echo").run(["word"], 60).stdout == b"word\n"
    with pytest.raises(CodecError, match=r"^missing cannot be run: No such file or directory$"):
        Program("/nowhere/missing").run([], 60)


def test_a_file_that_is_no_program_is_reported(tmp_path):
    (tmp_path / "text").write_text("text")
    with pytest.raises(CodecError, match=r"^text cannot be run: Permission denied$"):
        Program(str(tmp_path / "text")).run([], 60)


def test_a_program_may_end_with_the_exit_codes_of_the_shell():
    with pytest.raises(CodecError, match=r"^sh ended with exit code 127: it printed no error"):
        Program("/bin/sh").run(["-c", "exit 127"], 60)


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("setpriv") is None,
    reason="programs end with the harness on Linux with setpriv",
)
def test_a_killed_harness_leaves_no_encoder_and_no_file_behind(stand_in, temporary, tmp_path):
    stand_in(f"echo $$ >{tmp_path}/pid; exec sleep 600")
    code = (
        "import tempfile, numpy as np; from backends.external.ffmpeg.codecs import JpegXl;"
        f"tempfile.tempdir = {str(temporary)!r};"
        "JpegXl(distance=2).encode(np.zeros((8, 8, 3), np.uint8))"
    )
    harness = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert harness.poll() is None
        time.sleep(0.01)
    harness.kill()
    harness.wait()
    encoder = int((tmp_path / "pid").read_text())
    assert _ends(encoder)
    assert not list(temporary.iterdir())


def _ends(process):
    """Whether the process ends within a minute; a zombie counts as ended."""
    for _ in range(6000):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return False
