"""Files from outside are read only if they are regular files of a sane size and encoding."""

from __future__ import annotations

import gzip
import os
import signal
import tracemalloc
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.images import reader
from bench.models import checkpoint
from bench.models.card import read_card
from bench.store.records_file import LONGEST_LINE, read_records
from bench.store.run_folder import read_run
from bench.suite.suite import load_suite
from leaderboard.publish.entry import read_entry
from leaderboard.publish.submitted_pictures import read_submitted_pictures


def _with_weights(card: Path) -> Path:
    weights = card.with_suffix(".safetensors")
    weights.write_bytes(b"")
    return weights


READERS = {
    "suite.yaml": load_suite,
    "photo.png": reader.read,
    "weights.safetensors": checkpoint.read,
    "weights.pth": checkpoint.read,
    "card.json": lambda path: read_card(_with_weights(path)),
    "records.jsonl": lambda path: list(read_records(path)),
    "records.jsonl.gz": lambda path: list(read_records(path)),
    "manifest.json": lambda path: read_run(path.parent),
    "entry.json": lambda path: read_entry(path.parent),
    "pictures.npz": read_submitted_pictures,
    "pictures.pt": read_submitted_pictures,
}
"""How each kind of file is read, by a name that it has."""


@pytest.fixture
def _ends():
    """Fail after some seconds, where reading would wait for ever."""

    def fail(*_: object) -> None:
        pytest.fail("it waits for a pipe")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_ends")
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_refused_at_once(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(BenchError) as caught:
        READERS[name](tmp_path / name)
    assert name in str(caught.value)
    assert "regular file" in str(caught.value) or "no manifest" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "name: x\nlabel: JPÉG\n".encode("latin-1"),
            "s.yaml:2: not UTF-8 text (found the byte 0xc9)",
        ),
        ("name: x\n".encode("utf-16"), "s.yaml:1: not UTF-8 text (found UTF-16)"),
        (b"#" * 2**21, "it is larger than 1048576 bytes"),
    ],
)
def test_a_suite_that_is_no_text_is_refused_with_a_way_out(tmp_path: Path, content, expected):
    (tmp_path / "s.yaml").write_bytes(content)
    with pytest.raises(BenchError) as caught:
        load_suite(tmp_path / "s.yaml")
    assert expected in str(caught.value)
    assert "save the file as UTF-8" in str(caught.value) or "larger" in expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\n" * 2**26, "records.jsonl.gz:1 is damaged"),
        (b"0" * (LONGEST_LINE + 1), f"a line of more than {LONGEST_LINE} bytes"),
    ],
)
def test_packed_records_take_no_more_memory_than_a_line(tmp_path: Path, content, expected):
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(content, compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(BenchError, match=expected):
            list(read_records(path))
        assert tracemalloc.get_traced_memory()[1] < 5 * LONGEST_LINE
    finally:
        tracemalloc.stop()
