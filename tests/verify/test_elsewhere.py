"""Decoding in other environments: a scale that is wrong by one ulp is found, equality is shown."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import one_ulp
from bench.cli.main import main
from bench.images.png import decode_png, encode_png
from bench.verify import elsewhere, environments

PLACES = ("another process", "layout: contiguous", "oneDNN: SSE41")

SUITE = f"""\
name: decoded
plugins: [{Path(one_ulp.__file__)}]
images: {{set: sample, names: [chelsea, coffee], crop: {{height: 64, width: 64}}}}
codecs:
  - {{name: one-ulp, label: one ulp}}
  - {{name: bmshj2018-hyperprior, checkpoint: bmshj2018-hyperprior-small-q4, label: healthy}}
  - {{name: jpeg, quality: 50, label: JPEG}}
attacks: [uniform-noise, fgsm, {{name: pgd, steps: 2}}]
objectives: [distortion]
budgets: [{{linf: 8}}]
compute: {{threads: 1}}
"""

PLAIN = """\
name: plain
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs: [{name: toy, label: toy}, {name: jpeg, quality: 50, label: JPEG}]
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def run_in(folder, suite):
    (folder / "suite.yaml").write_text(suite)
    command = ["run", str(folder / "suite.yaml"), "-o", str(folder / "run")]
    assert main([*command, "--executor", "serial"]) == 0
    return folder / "run"


def only(monkeypatch, names):
    """Let `bench verify --elsewhere` use only some of its environments."""
    monkeypatch.setattr(
        elsewhere,
        "environments",
        lambda threads: [one for one in environments.environments(threads) if one.name in names],
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_in(tmp_path_factory.mktemp("plain"), PLAIN)


@pytest.fixture
def table(tmp_path, monkeypatch, capsys):
    """Return the exit code and the comparisons by codec and environment."""
    only(monkeypatch, PLACES)
    run = run_in(tmp_path, SUITE)
    capsys.readouterr()
    code = main(["verify", str(run), "--elsewhere", "--json", "--plugins"])
    found = json.loads(capsys.readouterr().out)
    assert found["findings"] == found["skipped"] == []
    return code, {(one["codec"], one["environment"]): one for one in found["comparisons"]}


def test_one_ulp_of_one_scale_is_found_clean_and_attacked(table):
    code, compared = table
    assert code == 1
    same = compared["one ulp", "another process"]
    assert not same["breaks"]
    assert [same[kind]["bitstreams"] for kind in ("clean", "attacked")] == [2, 4]
    for place in PLACES[1:]:
        one = compared["one ulp", place]
        for kind, count in (("clean", 2), ("attacked", 4)):
            assert one[kind]["bitstreams"] == count
            assert one[kind]["failed"] + one[kind]["different"] == count, (place, kind)
        assert one["breaks"]
        assert one["clean"]["psnr"] is None or one["clean"]["psnr"] < 40

    for place in PLACES:
        healthy = compared["healthy", place]
        assert [healthy[kind]["bitstreams"] for kind in ("clean", "attacked")] == [2, 4]
        assert not healthy["breaks"], place
        assert healthy["clean"]["failed"] == healthy["attacked"]["failed"] == 0

    assert compared["JPEG", "layout: contiguous"]["why"] == "the codec cannot move its networks"
    assert compared["JPEG", "layout: contiguous"]["clean"]["bitstreams"] == 0
    assert compared["JPEG", "another process"]["attacked"]["bitstreams"] > 0


def test_a_plugin_needs_consent(tmp_path, plain, capsys):
    manifest = json.loads((plain / "manifest.json").read_text())
    manifest["suite"]["plugins"] = ["foreign.py"]
    copy = shutil.copytree(plain, tmp_path / "run")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert main(["verify", str(copy), "--elsewhere"]) == 2
    assert "pass --plugins" in capsys.readouterr().err


def test_equal_pictures_are_done_and_an_altered_picture_is_named(
    plain, tmp_path, monkeypatch, capsys
):
    only(monkeypatch, PLACES[:1])
    assert main(["verify", str(plain), "--elsewhere"]) == 0
    out = capsys.readouterr().out
    assert "another process" in out
    assert "identity" in out
    assert "same" in out
    copy = shutil.copytree(plain, tmp_path / "run")
    for path in (copy / "adversarial").iterdir():
        image = decode_png(path.read_bytes()).copy()
        image[5, 6, 1] ^= 1
        path.write_bytes(encode_png(image))
    assert main(["verify", str(copy), "--elsewhere"]) == 1
    out = capsys.readouterr().out
    assert out.count("its pixels have the hash") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--elsewhere"], "--elsewhere needs a run folder or the folder of an entry"),
        (["--json"], "--json needs --elsewhere"),
    ],
)
def test_what_cannot_be_decoded_is_said_in_a_sentence(tmp_path, capsys, arguments, sentence):
    assert main(["verify", str(tmp_path), *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("there", "failed", "different", "levels", "breaks"),
    [(100, 0, 0, 0, False), (101, 0, 1, 1, False), (98, 0, 1, 2, True), ("why", 1, 0, 0, True)],
)
def test_more_than_one_level_or_a_failure_breaks(there, failed, different, levels, breaks):
    here = np.full((4, 5, 3), 100, np.uint8)
    picture = there
    if not isinstance(there, str):
        picture = here.copy()
        picture[2, 3, 1] = there
    compared = elsewhere.Comparison("codec", "place")
    compared.attacked.add(here, picture)
    compared.attacked.add(here, here)
    count = compared.attacked
    assert (count.bitstreams, count.failed, count.different) == (2, failed, different)
    assert (count.levels, count.broken) == (levels, levels > 1)
    assert compared.breaks is breaks
    if different:
        assert count.psnr == pytest.approx(10 * np.log10(60 * 255**2 / levels**2))
    else:
        assert count.psnr is None


def test_the_environments_that_this_machine_lacks_say_why():
    found = {one.name: one for one in environments.environments(2)}
    assert found["threads: 1"].threads == 1
    assert found["oneDNN: AVX2"].variables == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    gpu = found["device: GPU"]
    assert gpu.decoding is not None
    assert gpu.decoding.device == "cuda"
