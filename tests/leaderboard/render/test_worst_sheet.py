"""The sheet of a run's worst adversarial pictures, drawn by `bench run`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image as Pillow

from backends.pillow import Jpeg
from backends.toy import Toy
from bench.cli.main import main
from bench.errors import CodecError
from bench.inspection.contact_sheet import description_of
from bench.store.run_folder import read_run

SUITE = """\
name: worst
images: {set: ./photos}
codecs:
  - {name: toy, gain: 0.5, label: 模型}
  - {name: jpeg, quality: [30, 60], label: "JPEG {quality}"}
  - identity
attacks: [sign-noise, {name: pgd, steps: 3}]
objectives: [distortion, rate]
budgets: [{linf: 4}, {linf: 8}]
compute: {threads: 1}
"""
NAMES = {"长城 照片": (32, 400), "صورة": (80, 12), "a $b$ [c](d)": (24, 24)}


@pytest.fixture
def bench(tmp_path, monkeypatch, photograph):
    """Return a function that runs the suite in this process and returns the sheet's lines."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, size in NAMES.items():
        Pillow.fromarray(photograph("coffee", *size)).save(f"photos/{name}.png")

    def ran(suite=SUITE):
        Path("worst.yaml").write_text(suite, encoding="utf-8")
        assert main(["run", "worst.yaml", "--executor", "serial", "-o", "run"]) == 0
        return description_of(Path("run/worst.png").read_bytes()).splitlines()

    return ran


def _largest_increase(run, codecs):
    return max(
        record.scores.rd_factor
        for record in run.measures
        if record.victim in codecs and record.craft and run.crafts[record.craft].sources
    )


def test_each_codec_has_its_largest_increase_of_the_cost(bench):
    lines, run = bench(), read_run(Path("run"))
    increases = {
        "模型": _largest_increase(run, {"模型"}),
        "JPEG": _largest_increase(run, {"JPEG 30", "JPEG 60"}),
    }
    order = sorted(increases, key=increases.get, reverse=True)
    assert [line.split()[1] for line in lines] == order
    for line in lines:
        codec, picture, search = re.match(r"\d\. (.*) on (.*?): (.*), linf \d; PSNR", line).groups()
        (scores,) = (
            record.scores
            for record in run.measures
            if record.victim == codec
            and record.picture == picture
            and record.scores.rd_factor == increases[codec.split()[0]]
        )
        assert f"PSNR {scores.psnr_clean:.2f} to {scores.psnr_source:.2f} dB" in line
        assert f"{scores.bpp_clean:.3f} to {scores.bpp:.3f} bpp" in line
        assert line.startswith(f"{order.index(codec.split()[0]) + 1}. ")
        assert search.startswith("pgd steps=3")


def test_names_in_any_script_are_on_the_page(bench, capsys):
    lines = bench()
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines()[-1].endswith("run/worst.png")
    page = Path("run/leaderboard.md").read_text(encoding="utf-8")
    assert "![The worst adversarial picture of each codec](worst.png)\n\n1. " in page
    named = [line for line in lines if "a $b$" not in line]
    assert named
    assert all(line in page for line in named)
    assert "](d)" not in page.replace(r"\]", "")


def test_the_sheet_is_drawn_again_only_for_other_pictures(bench):
    bench()
    sheet = Path("run/worst.png")
    sheet.write_bytes(sheet.read_bytes() + b"as before")
    bench()
    assert sheet.read_bytes().endswith(b"as before")
    worst = description_of(sheet.read_bytes()).split(" on ")[1].partition(":")[0]
    Path(f"photos/{worst}.png").unlink()
    assert not any(f" on {worst}:" in line for line in bench())
    assert not sheet.read_bytes().endswith(b"as before")


def test_a_codec_that_fails_under_attack_comes_first(bench, monkeypatch, photograph):
    encode, clean = Jpeg.encode, {photograph("coffee", *size).tobytes() for size in NAMES.values()}

    def fragile(self, image):
        if image.shape[0] < 100 and image.tobytes() not in clean:
            raise CodecError("not a photograph")
        return encode(self, image)

    monkeypatch.setattr(Jpeg, "encode", fragile)
    first, second = bench()
    assert re.match(r"1\. JPEG [36]0 on .*; the codec failed on it$", first)
    assert second.startswith("2. 模型")
    assert "the codec failed on it" in Path("run/leaderboard.md").read_text(encoding="utf-8")


def test_a_lost_picture_and_a_broken_surrogate_leave_a_sheet(bench, monkeypatch):
    bench()
    for path in (*Path("run/adversarial").iterdir(), Path("run/worst.png")):
        path.unlink()
    monkeypatch.setattr(Toy, "rate", lambda *_: 1 / 0)
    assert len(bench()) == 2


def test_noise_alone_has_no_sheet(bench, capsys):
    noise = SUITE.replace(", {name: pgd, steps: 3}", "")
    Path("noise.yaml").write_text(noise, encoding="utf-8")
    assert main(["run", "noise.yaml", "--executor", "serial", "-o", "run"]) == 0
    assert not Path("run/worst.png").exists()
    assert "worst" not in capsys.readouterr().out.splitlines()[-1]
    assert "worst.png" not in Path("run/leaderboard.md").read_text(encoding="utf-8")
