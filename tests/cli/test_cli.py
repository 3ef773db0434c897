"""The command line as a user meets it: what it prints, its exit status, no traceback ever."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from compressai.models import ScaleHyperprior

from bench.cli.main import COMMANDS, main
from bench.errors import MachineError
from bench.store.run_folder import read_run

_SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 16, width: 24}}
codecs: [toy, {name: jpeg, quality: 50}]
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(_SUITE)
    return path


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("bench: ")
    assert printed.count("\n") == 1
    return printed


def test_run_leaves_records_pictures_manifest_and_board(suite: Path, capsys):
    assert main(["run", str(suite)]) == 0
    printed = capsys.readouterr().out
    folder = suite.parent / "runs" / "small"
    run = read_run(folder)
    assert len(run.measures) == run.manifest.cells
    assert {path.stem for path in (folder / "adversarial").iterdir()} == set(run.crafts)
    assert "jpeg quality=50" in (folder / "leaderboard.md").read_text()
    assert "jpeg" in printed
    assert f"{run.manifest.cells} evaluations scored now" in printed
    assert printed.splitlines()[-1].endswith(str(folder / "worst.png"))
    assert set(run.timings) == set(run.manifest.codecs)


def test_running_again_measures_nothing(suite: Path, capsys):
    main(["run", str(suite)])
    before = (suite.parent / "runs/small/records.jsonl").read_bytes()
    capsys.readouterr()
    assert main(["run", str(suite)]) == 0
    assert "0 evaluations scored now" in capsys.readouterr().out
    assert (suite.parent / "runs/small/records.jsonl").read_bytes() == before


def test_leaderboard_writes_what_run_wrote(suite: Path, tmp_path: Path):
    main(["run", str(suite)])
    assert main(["leaderboard", "runs/small", "-o", "board.md"]) == 0
    names = ("board-plots/worst-1.png", "worst.png"), ("board-", "leaderboard-")
    for page in ("", "-full"):
        written = Path(f"board{page}.md").read_text()
        for own, theirs in names:
            written = written.replace(own, theirs)
        assert written == Path(f"runs/small/leaderboard{page}.md").read_text()
    copied, drawn = Path("board-plots/worst-1.png"), Path("runs/small/worst.png")
    assert copied.read_bytes() == drawn.read_bytes()


def test_plan_counts_and_executes_nothing(suite: Path, capsys):
    assert main(["plan", str(suite)]) == 0
    printed = capsys.readouterr().out
    assert "searches: 3" in printed
    assert "evaluations: 12" in printed
    assert not (suite.parent / "runs").exists()


@pytest.mark.parametrize("what", ["codecs", "attacks", "objectives", "metrics", "suites"])
def test_list(what: str, capsys):
    assert main(["list", what, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert all(item["summary"] for item in listed)
    assert main(["list", what]) == 0
    printed = capsys.readouterr().out
    assert all(item["name"] in printed for item in listed)


def test_attacks_are_listed_with_their_paper_budgets_and_needs(capsys):
    main(["list", "attacks", "--json"])
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert listed["ftda"]["paper"] == "arXiv 2112.08691"
    assert listed["ftda"]["budgets"] == ["l2", "mse"]
    assert listed["apgd"]["budgets"] == ["linf", "l2", "mse", "ssim", "haarpsi", "cvvdp"]
    assert {name for name, item in listed.items() if item["needs"] == "nothing"} == {
        "uniform-noise",
        "gaussian-noise",
        "sign-noise",
        "corruption",
    }
    main(["list", "attacks"])
    printed = capsys.readouterr().out
    assert all(header in printed for header in ("budgets", "needs", "paper"))


def test_list_tells_what_is_missing_and_the_way_out(capsys, monkeypatch):
    monkeypatch.setenv("BENCH_FFMPEG", "/bin/false")
    main(["list", "codecs", "--json"])
    vvc = next(item for item in json.loads(capsys.readouterr().out) if item["name"] == "vvc")
    assert "BENCH_FFMPEG" in vvc["problem"]


def test_schema_is_json(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["attacks"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("[toy,", "[toi,", "did you mean 'toy'?"),
        ("linf: 8", "linf: -8", "greater than or equal to 1"),
        ("[toy,", "[{name: bmshj2018-hyperprior, checkpoint: none.pth}, toy,", "none.pth"),
        ("[toy,", "[{name: bmshj2018-hyperprior}, toy,", "needs either 'quality'"),
        ("set: sample", "set: nowhere", "nowhere"),
        ("names: [coffee]", "names: [tea]", "no picture is called 'tea'"),
    ],
)
def test_a_suite_that_cannot_be_run(suite: Path, capsys, before, after, expected):
    suite.write_text(_SUITE.replace(before, after))
    assert expected in _refused(["run", str(suite)], capsys)
    assert not (suite.parent / "runs").exists()


def test_a_checkpoint_of_another_architecture(suite: Path, capsys):
    torch.save(ScaleHyperprior(8, 8).state_dict(), "weights.pth")
    named = "{name: bmshj2018-factorized, checkpoint: weights.pth}"
    suite.write_text(_SUITE.replace("[toy,", f"[{named}, toy,"))
    printed = _refused(["run", str(suite)], capsys)
    assert "holds weights that bmshj2018-factorized does not have (h_a.0.weight" in printed
    assert "weights.pth" in printed


def test_no_ffmpeg_with_vvc(suite: Path, capsys, monkeypatch):
    monkeypatch.setenv("BENCH_FFMPEG", "/bin/false")
    suite.write_text(_SUITE.replace("[toy,", "[{name: vvc, qp: 32}, toy,"))
    assert "imageio-ffmpeg" in _refused(["run", str(suite)], capsys)


def test_a_run_folder_of_another_suite(suite: Path, capsys):
    main(["run", str(suite)])
    before = Path("runs/small/records.jsonl").read_bytes()
    suite.write_text(_SUITE.replace("linf: 8", "linf: 2"))
    capsys.readouterr()
    assert "belongs to another run" in _refused(["run", str(suite)], capsys)
    assert Path("runs/small/records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "none.yaml"], "cannot read none.yaml"),
        (["run", "quik"], "did you mean 'quick'?"),
        (["show", "nowhere"], "nowhere is no run folder"),
        (["export", "nowhere", "-o", "rows.csv"], "nowhere is no run folder"),
        (["train", "none.yaml"], "none.yaml"),
    ],
)
def test_files_that_are_not_there(suite: Path, capsys, arguments, expected):
    assert expected in _refused(arguments, capsys)


def test_a_board_that_cannot_be_written(suite: Path, capsys):
    main(["run", str(suite)])
    capsys.readouterr()
    printed = _refused(["leaderboard", "runs/small", "-o", "no/such/board.md"], capsys)
    assert "cannot write no/such/board.md" in printed


@pytest.mark.parametrize(("command", "is_kept"), [("run", True), ("plan", False)])
def test_only_commands_that_go_on_say_that_what_was_finished_is_kept(
    suite: Path, capsys, monkeypatch, command, is_kept
):
    def scarce(arguments):
        raise MachineError("no memory")

    monkeypatch.setattr(f"{COMMANDS[command]}.run", scarce)
    kept = "what was finished is kept, " if is_kept else ""
    printed = _refused([command, str(suite)], capsys)
    assert printed == f"bench: no memory; {kept}run the same command again\n"


def test_ctrl_c_is_one_sentence_and_keeps_what_was_measured(suite: Path):
    suite.write_text(_SUITE.replace("[fgsm]", "[{name: pgd, steps: 100000}]"))
    command = [sys.executable, "-m", "bench", "run", str(suite)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    records = suite.parent / "runs/small/records.jsonl"
    while process.poll() is None and not (records.exists() and records.stat().st_size):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, printed = process.communicate(timeout=600)
    assert process.returncode == 130
    assert printed.decode().strip().count("\n") == 0
    assert "interrupted; what was finished is kept, run the same" in printed.decode()
    assert len(read_run(suite.parent / "runs/small").measures) >= 1


def test_bench_and_python_m_bench_are_the_same_command():
    script = Path(sys.executable).with_name("bench")
    outputs = [
        subprocess.run([*command, "--version"], capture_output=True, check=True).stdout
        for command in ([str(script)], [sys.executable, "-m", "bench"])
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith(b"bench ")


def test_check_says_what_holds(capsys):
    assert main(["check", "jpeg", "quality=50"]) == 0
    printed = capsys.readouterr().out
    assert "PASS  flipped bits are refused" in printed
    assert "FAIL" not in printed
    assert "to encode a megapixel" in printed


def test_check_says_what_is_broken(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    broken = _PLUGIN.replace("return self._level", "return next(_COUNT)")
    Path("levels.py").write_text(broken)
    assert main(["check", "levels", "level=7", "--plugin", "levels.py"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  the same picture gives the same bytes" in printed
    assert "levels level=7 fails" in printed


def test_check_needs_parameters_with_values(capsys):
    assert "KEY=VALUE" in _refused(["check", "jpeg", "50"], capsys)
    assert "needs the parameter 'quality'" in _refused(["check", "jpeg"], capsys)
    assert "'quality' of the codec 'jpeg'" in _refused(["check", "jpeg", "quality=x"], capsys)


_PLUGIN = """\
import itertools

import numpy as np
from bench.codec import Codec
from bench.container import pack, unpack
from bench.entry import Entry

_COUNT = itertools.count()


class Levels(Codec):
    def __init__(self, level: int) -> None:
        self._level = level

    def encode(self, image):
        return pack(b"levl", *image.shape[:2], [bytes([self._next() % 256])])

    def decode(self, bitstream):
        box = unpack(b"levl", bitstream)
        return np.full((box.height, box.width, 3), box.sections[0][0], np.uint8)

    def fingerprint(self):
        return f"levels {self._level}"

    def _next(self):
        return self._level


CODECS = {"levels": Entry(Levels, "one level")}
"""


def test_bench_alone_prints_the_help(capsys):
    assert main([]) == 0
    assert "commands:" in capsys.readouterr().out


def test_a_misspelt_command_is_told_the_nearest_one(capsys):
    assert "did you mean 'publish'?" in _refused(["publsh"], capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"example: bench {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["list", "codecs"], ["list", "codecs", "--json"], ["schema"]])
def test_a_closed_pipe_ends_quietly(words):
    command = [sys.executable, "-m", "bench", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in {0, 141}


def test_the_shell_completes_commands_and_bundled_suites(tmp_path):
    assert _completed("bench ru", tmp_path) == ["run"]
    assert _completed("bench run linf8", tmp_path) == ["linf8-v2"]


def _completed(line: str, folder: Path) -> list[str]:
    """Return what a shell is offered for a line, by argcomplete's protocol."""
    answer = folder / "answer"
    printed = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = [sys.executable, "-m", "bench"]
    subprocess.run(command, env=os.environ | printed, check=True, cwd=folder)
    return [word.strip() for word in answer.read_text().splitlines()]


def test_a_run_says_something_before_it_imports(suite: Path, monkeypatch):
    """In a file too: the line is flushed, so it stands there while torch is being imported."""
    command = [sys.executable, "-m", "bench", "run", str(suite)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"preparing {suite}\n"
        process.kill()


def test_a_resumed_run_says_what_is_done(suite: Path, capsys):
    main(["run", str(suite), "--executor", "serial"])
    records = suite.parent / "runs/small/records.jsonl"
    lines = records.read_text().splitlines(keepends=True)
    records.write_text("".join(lines[:8]))
    capsys.readouterr()
    assert main(["run", str(suite), "--executor", "serial"]) == 0
    done = sum('"kind":"measure"' in line for line in lines[:8])
    assert f"resuming, {done} of 12 evaluations done" in capsys.readouterr().out
