"""The hostile codecs of tests/helpers/hostile.py beside innocent ones, whose records are equal."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import hostile
from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.runner import describe, prepare
from bench.scoring.measure import RANDOMISED
from bench.store.records import TIMES
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

INNOCENT = """\
images: {set: sample, names: [chelsea], crop: {height: 32, width: 48}}
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""
CODECS = "{name: toy, label: toy}, {name: jpeg, quality: 50, label: JPEG}"
LIMIT_S = 4.0


def run(folder: Path, text: str, executor: str = "serial"):
    prepared = prepare(parse(f"name: hostile\n{text}", "hostile.yaml", Suite), Path())
    execute = executors.executor(executor, Options(call_limit_s=LIMIT_S))
    with open_run(folder, describe(prepared)) as store, closing(execute(prepared, store)) as events:
        list(events)
    return read_run(folder)


def innocent_records(found):
    records = [*found.crafts.values(), *found.measures]
    own = (r for r in records if getattr(r, "victim", "toy") in ("toy", "JPEG", "identity"))
    return {record.key: record.model_dump(exclude=set(TIMES)) for record in own}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return run(tmp_path_factory.mktemp("alone"), f"{INNOCENT}codecs: [{CODECS}]\n")


@pytest.fixture(
    scope="module", params=["serial", pytest.param("processes", marks=pytest.mark.slow)]
)
def beside(request, tmp_path_factory):
    plugin = Path(hostile.__file__)
    text = f"plugins: [{plugin}]\n{INNOCENT}codecs: [{CODECS}, {', '.join(hostile.REASONS)}]\n"
    return run(tmp_path_factory.mktemp(request.param), text, request.param)


def test_the_records_of_innocents_are_the_same(alone, beside):
    assert len(alone.measures) >= 9
    assert innocent_records(beside) == innocent_records(alone)


def test_every_evaluation_has_a_record(beside):
    assert len(beside.measures) == beside.manifest.cells


@pytest.mark.parametrize("name", hostile.REASONS)
def test_a_hostile_codec_fails_for_its_own_reason_alone(beside, name):
    records = [record for record in beside.measures if record.victim == name]
    reason = hostile.REASONS[name]
    if not reason:
        assert {record.status for record in records} == {"ok"}
        return
    clean = [record for record in records if record.threat == "clean"]
    witness = [record for record in clean if record.picture == "chelsea"]
    failed = witness if "not seen" in reason else records
    assert {record.status for record in failed} == {"failed"}
    assert all(re.search(reason, record.reason) for record in failed)


def test_a_decoder_that_draws_is_flagged(beside):
    clean = [r for r in beside.measures if r.victim == "draws-in-decoder" and r.threat == "clean"]
    assert all(RANDOMISED in record.flags for record in clean)


def test_a_codec_that_writes_into_its_picture_is_scored_against_the_picture(beside):
    scores = {r.victim: r.scores for r in beside.measures if r.threat == "clean"}
    assert scores["writes-into-picture"].psnr_source < scores["JPEG"].psnr_source - 3


@pytest.mark.parametrize(
    ("codec", "attack", "reason"),
    [
        ("toy", "hanging-attack", "the search took longer than"),
        pytest.param(
            *("hangs-in-surrogate", "fgsm", "a gradient took longer than"), marks=pytest.mark.slow
        ),
        pytest.param(
            *("toy", "crashing-attack", "its process was killed by SIGSEGV"), marks=pytest.mark.slow
        ),
    ],
)
def test_a_search_that_cannot_end_is_recorded_as_failed(alone, tmp_path, codec, attack, reason):
    text = INNOCENT.replace("[fgsm]", f"[{attack}]")
    plugins = f"plugins: [{Path(hostile.__file__)}]\n"
    found = run(tmp_path, f"{plugins}{text}codecs: [{{name: {codec}, label: toy}}]\n")
    assert len(found.measures) == found.manifest.cells
    crafts = [craft for craft in found.crafts.values() if craft.attack == attack]
    crafts = [craft for craft in crafts if craft.objective != "rate"]
    assert {craft.status for craft in crafts} == {"failed"}
    assert all(reason in craft.reason for craft in crafts)


THREADED = """\
import threading
import time
from backends.pillow import Jpeg
from bench.entry import Entry


class Threaded(Jpeg):
    def __init__(self):
        super().__init__(quality=50)
        threading.Thread(target=time.sleep, args=(10_000,)).start()


CODECS = {"threaded": Entry(Threaded, "leaves a thread in the main process")}
"""


def test_a_thread_of_a_codec_does_not_keep_the_command_alive(tmp_path):
    (tmp_path / "threaded.py").write_text(THREADED)
    suite = tmp_path / "threaded.yaml"
    suite.write_text(f"name: threaded\nplugins: [threaded.py]\n{INNOCENT}codecs: [threaded]\n")
    command = [sys.executable, "-m", "bench", "plan", str(suite)]
    ended = subprocess.run(command, timeout=120, check=False, cwd=tmp_path, capture_output=True)
    assert ended.returncode == 0, ended.stderr


STARTING = """\
import sys
import time
from backends.pillow import Jpeg
from bench.entry import Entry


class Closing(Jpeg):
    def __init__(self):
        super().__init__(quality=50)
        sys.stdout.close()


class Endless(Jpeg):
    def __init__(self):
        time.sleep(10_000)


CODECS = {"closing": Entry(Closing, "closes the output"), "endless": Entry(Endless, "hangs")}
"""

SHORT = """\
import sys
from bench.cli import main
main.CALL_LIMIT_S = 2.0
sys.argv[0] = "bench"
main.entry()
"""


def _started(tmp_path, codec):
    """Return the finished `bench run` of a suite with a codec, whose start may take two seconds."""
    (tmp_path / "starting.py").write_text(STARTING)
    suite = tmp_path / "starting.yaml"
    suite.write_text(f"name: starting\nplugins: [starting.py]\n{INNOCENT}codecs: [{codec}]\n")
    command = [sys.executable, "-c", SHORT, "run", str(suite)]
    return subprocess.run(
        command, timeout=120, check=False, cwd=tmp_path, capture_output=True, encoding="utf-8"
    )


def test_a_constructor_that_closes_the_output_does_not_silence_the_command(tmp_path):
    ended = _started(tmp_path, "closing")
    assert ended.returncode == 0, ended.stderr
    assert "wrote" in ended.stdout


def test_a_constructor_that_never_ends_ends_the_command_with_one_sentence(tmp_path):
    ended = _started(tmp_path, "endless")
    assert ended.returncode == 2
    assert (
        ended.stderr == "bench: making endless took longer than 2 s; correct it or leave it out\n"
    )
