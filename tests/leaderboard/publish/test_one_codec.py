"""`bench run SUITE --codec`: a codec is added to a track, and only its entry is worked out."""

from __future__ import annotations

import shutil

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from leaderboard.publish.entry import read_entry
from leaderboard.publish.published_board import entries, runs
from leaderboard.ranking.board import build_board
from paths import ROOT

TRACK = """\
name: tiny-v1
images: {set: sample, names: [coffee], crop: {height: 24, width: 32}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: 20, label: JPEG}
attacks:
  - {name: pgd, steps: 2, transfer: none}
  - {name: apgd, steps: 3, start_from: {attack: "pgd steps=2"}}
  - {name: square, queries: 10}
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""
CODECS = {
    "without gradients": ("webp", "quality=60"),
    "with gradients": ("toy", "gain=1.5"),
    "defended": ("toy", "gain=1.5", "defence=median"),
}


@pytest.fixture(scope="module")
def track(publish_tracks, tmp_path_factory):
    publish_tracks(TRACK, by="tester")
    file = tmp_path_factory.mktemp("track") / "tiny-v1.yaml"
    file.write_text(TRACK)
    return file


def _entry(run, to):
    assert main(["publish", str(run), "--to", str(to), "--codec", "mine", "--by", "me"]) == 0
    return to / "entries" / "tiny-v1" / "mine"


def _values(run):
    """Return the scores of "mine" and of the lossless reference, by job."""
    scored = (record for record in run.measures if record.victim in {"mine", "identity"})
    return {record.key: record.scores for record in scored}


def _repeatable(figures):
    """Return figures without times and memory."""
    parts = ("encoding", "decoding", "seconds")
    return [
        {name: value for name, value in line.items() if not any(part in name for part in parts)}
        for line in figures
    ]


@pytest.mark.parametrize("words", CODECS.values(), ids=CODECS)
def test_the_entry_is_that_of_a_whole_run(track, tmp_path, words, capsys):
    name, *parameters = words
    listed = ", ".join(word.replace("=", ": ") for word in parameters)
    mine = f"  - {{name: {name}, {listed}, label: mine}}\nattacks:"
    (tmp_path / "whole.yaml").write_text(TRACK.replace("attacks:", mine, 1))
    whole, own = tmp_path / "whole", tmp_path / "own"
    assert main(["run", str(tmp_path / "whole.yaml"), "-o", str(whole)]) == 0
    added = ["--codec", *words, "label=mine"]
    assert main(["run", str(track), *added, "-o", str(own)]) == 0

    ran = read_run(own)
    assert _values(ran).items() <= _values(read_run(whole)).items()
    assert len(ran.measures) < len(read_run(whole).measures)
    assert not {"toy", "JPEG"} & {record.victim for record in ran.measures}

    entries = [_entry(run, tmp_path / f"board of {run.name}") for run in (whole, own)]
    first, second = map(read_entry, entries)
    assert first.plan_sha256 == second.plan_sha256
    assert _repeatable(first.figures) == _repeatable(second.figures)
    assert first.worst == second.worst
    capsys.readouterr()
    assert main(["verify", str(entries[1])]) == 0
    assert main(["verify", str(own)]) == 0


def test_other_codecs_are_attacked_only_for_a_codec_without_gradients(track, capsys):
    # On toy pgd, which apgd starts from although nothing else needs it, apgd and square; on JPEG
    # square.
    for words, others in ((CODECS["without gradients"], 4), (CODECS["with gradients"], 0)):
        assert main(["plan", str(track), "--codec", *words, "label=mine"]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert f"and {others} against codecs of the suite" in printed


def test_a_path_of_one_machine_is_not_published(track, tmp_path, capsys):
    name = "bmshj2018-factorized-small-q2"
    copy = shutil.copy(ROOT / f"backends/zoo/{name}.safetensors", tmp_path / "mine.safetensors")
    shutil.copy(ROOT / f"backends/zoo/{name}.json", tmp_path / "mine.json")
    words = ["--codec", "bmshj2018-factorized", f"checkpoint={copy}", "label=mine"]
    assert main(["run", str(track), *words, "-o", str(tmp_path / "run")]) == 0
    assert f"checkpoint={copy} is a path of this machine" in _printed(capsys)
    to = tmp_path / "board"
    command = ["publish", str(tmp_path / "run"), "--to", str(to), "--codec", "mine", "--by", "me"]
    assert main(command) == 2
    assert f"'mine' has checkpoint={copy}, a path of one machine" in _printed(capsys)
    assert not (to / "entries").exists()


def _printed(capsys):
    return " ".join(" ".join(capsys.readouterr()).split())


def test_each_of_two_codecs_has_an_entry(track, tmp_path):
    both = [
        "--codec",
        "webp",
        "quality=60",
        "label=mine",
        "--codec",
        "toy",
        "gain=1.5",
        "label=other",
    ]
    assert main(["run", str(track), *both, "-o", str(tmp_path / "run")]) == 0
    for codec in ("mine", "other"):
        to = ["--to", str(tmp_path / "board"), "--codec", codec, "--by", "me"]
        assert main(["publish", str(tmp_path / "run"), *to]) == 0
        assert main(["verify", str(tmp_path / "board/entries/tiny-v1" / codec)]) == 0
    board = build_board(runs(entries(tmp_path / "board")))
    assert {row.place.codec for row in board.rows} == {"mine", "other", "identity"}


def test_a_label_of_the_track_is_refused(track, capsys):
    assert main(["plan", str(track), "--codec", "jpeg", "quality=30", "label=JPEG"]) == 2
    assert "'JPEG' is listed twice or a codec of the suite 'tiny-v1'" in capsys.readouterr().err


def test_a_misspelt_codec_and_a_plugin_without_codec_are_refused(track, capsys):
    assert main(["plan", str(track), "--codec", "jpge"]) == 2
    assert "did you mean 'jpeg'?" in capsys.readouterr().err
    assert main(["plan", str(track), "--plugin", "mine.py"]) == 2
    assert "add --codec NAME" in capsys.readouterr().err


OTHER = "  - {name: toy, gain: 1.2, label: other}\n"
FROM_TOY = TRACK.replace("attacks:", f"{OTHER}attacks:", 1) + "transfer_from: [toy]\n"


def test_a_codec_needs_only_the_sources_of_the_track(publish_tracks, tmp_path, capsys):
    """The last test of this file, because another track takes the place of the first."""
    ((whole,), _) = publish_tracks(FROM_TOY, by="tester")
    scored = {
        source
        for record in read_run(whole).measures
        if record.victim == "JPEG" and record.craft
        for source in read_run(whole).crafts[record.craft].sources
    }
    assert scored == {"toy", "JPEG"}
    mine = "  - {name: webp, quality: 60, label: mine}\n"
    (tmp_path / "own.yaml").write_text(FROM_TOY.replace(OTHER, mine))
    assert main(["run", str(tmp_path / "own.yaml"), "-o", str(tmp_path / "own")]) == 0
    entry = _entry(tmp_path / "own", tmp_path / "board")
    assert main(["verify", str(entry)]) == 0
    lacking = FROM_TOY.replace("  - {name: toy, label: toy}\n", mine)
    (tmp_path / "no.yaml").write_text(lacking.replace("from: [toy]", "from: [other]"))
    assert main(["run", str(tmp_path / "no.yaml"), "-o", str(tmp_path / "no")]) == 0
    capsys.readouterr()
    assert main(["publish", str(tmp_path / "no"), "--to", str(tmp_path), "--by", "me"]) == 2
    assert "'transfer_from' of the run's suite is" in capsys.readouterr().err
