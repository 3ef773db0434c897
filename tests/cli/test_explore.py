"""`bench attack`: one picture, and everything that came of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.cli.main import main
from bench.metrics.scores import bpp, linf, psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.store.run_folder import read_run

TOY = ["--codec", "toy", "gain=0.5"]
JPEG = ["--codec", "jpeg", "quality=40"]
CROP = ["--crop", "24x40"]


@pytest.fixture
def picture(photograph, tmp_path):
    """Return the file of a photograph."""
    path = tmp_path / "harbour.png"
    Pillow.fromarray(photograph("chelsea", 60, 80)).save(path)
    return path


def _read(path):
    with Pillow.open(path) as file:
        return np.asarray(file)


def _attack(picture, out, *words):
    return main(["attack", str(picture), *words, *CROP, "-o", str(out)])


def test_everything_is_written_and_agrees_with_the_record(picture, tmp_path, capsys):
    out = tmp_path / "out"
    assert _attack(picture, out, *TOY, "--attack", "pgd", "steps=5", "--objective", "rate") == 0
    names = ("source", "adversarial", "decoded-source", "decoded-adversarial")
    source, adversarial, _, decoded = (_read(out / f"{name}.png") for name in names)
    assert source.shape == (24, 40, 3)
    assert linf(source, adversarial) == 8
    codec = instantiate("codec", ComponentSpec("toy", (("gain", 0.5),)))
    stream = (out / "adversarial.bin").read_bytes()
    assert np.array_equal(codec.decode(stream), decoded)
    (scores,) = (
        r.scores
        for r in read_run(out).measures
        if r.victim.startswith("toy") and r.threat == "white-box"
    )
    assert scores.bpp == bpp(len(stream), 24, 40)
    assert scores.psnr_source == pytest.approx(psnr(source, decoded))
    printed = capsys.readouterr().out
    assert f"{scores.bpp:.4f}" in printed
    assert f"{scores.psnr_source:.2f}" in printed
    assert _read(out / "sheet.png").shape[2] >= 3
    maps = [_read(out / f"bits-{name}.png") for name in ("source", "adversarial")]
    assert {one.shape for one in maps} == {(24, 40)}
    assert max(one.max() for one in maps) == 255
    assert maps[1].mean() > maps[0].mean()


def test_a_codec_without_gradients_needs_a_source(picture, tmp_path, capsys):
    assert _attack(picture, tmp_path / "none", *JPEG) == 2
    printed = capsys.readouterr().err
    assert "does not offer" in printed
    assert "--source" in printed
    through = ["--source", "toy", "--attack", "fgsm"]
    assert _attack(picture, tmp_path / "out", *JPEG, *through) == 0
    crafts = read_run(tmp_path / "out").crafts.values()
    assert {craft.sources for craft in crafts} == {("toy",), ()}
    assert linf(_read(tmp_path / "out/source.png"), _read(tmp_path / "out/adversarial.png")) == 8


@pytest.mark.parametrize(
    ("attack", "objective"),
    [(["standard"], "distortion"), (["pgd", "steps=2", "starts=4"], "rate")],
)
def test_of_several_searches_the_worst_picture_is_shown(
    picture, tmp_path, capsys, attack, objective
):
    out = tmp_path / "out"
    field, sign = ("bpp", 1) if objective == "rate" else ("psnr_source", -1)
    assert _attack(picture, out, *TOY, "--attack", *attack, "--objective", objective) == 0
    run = read_run(out)
    attacked = [
        record
        for record in run.measures
        if record.victim.startswith("toy") and record.craft and run.crafts[record.craft].sources
    ]
    worst = max(attacked, key=lambda record: sign * getattr(record.scores, field))
    assert getattr(attacked[0].scores, field) != getattr(worst.scores, field)
    assert f"{getattr(worst.scores, field):.{2 if sign < 0 else 4}f}" in capsys.readouterr().out
    saved = _read(out / f"adversarial/{worst.craft}.png")
    assert np.array_equal(_read(out / "adversarial.png"), saved)


def test_an_attack_has_its_settings_as_in_a_suite(picture, tmp_path):
    settings = ["--attack", "pgd", "steps=2", "starts=2", "rounding=none"]
    assert _attack(picture, tmp_path / "out", *TOY, *settings) == 0
    crafts = read_run(tmp_path / "out").crafts.values()
    own = [craft for craft in crafts if craft.sources]
    assert sorted(craft.start for craft in own) == [0, 1]
    assert {craft.attack for craft in own} == {"pgd steps=2 rounding=none"}


def test_a_picture_that_was_altered_is_not_shown(picture, tmp_path, capsys):
    out = tmp_path / "out"
    assert _attack(picture, out, *TOY, "--attack", "fgsm") == 0
    for path in (out / "adversarial").iterdir():
        Pillow.fromarray(_read(out / "source.png")).save(path)
    capsys.readouterr()
    assert _attack(picture, out, *TOY, "--attack", "fgsm") == 2
    printed = capsys.readouterr().err
    assert ".png was lost or altered; choose another folder with --out" in printed


def test_noise_needs_no_source(picture, tmp_path):
    assert _attack(picture, tmp_path / "out", *JPEG, "--attack", "uniform-noise") == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--codec", "jpg"], "jpeg"),
        (
            ["--codec", "toy", "gain=[0.5, 1.0]"],
            "expected one codec, but the lists of values give 2",
        ),
        ([*TOY, "--budget", "8"], "KEY=VALUE"),
        ([*TOY, "--budget", "linf=0"], "linf"),
        ([*TOY, "--attack", "pgd", "stepz=3"], "steps"),
        ([*TOY, "--attack", "pgd", "starts=0"], "'starts' of an attack is a number from 1"),
        ([*TOY, "--attack", "pgd", "steps=[1, 2]"], "expected one attack, but the lists of"),
        ([*TOY, "--crop", "24"], "HEIGHTxWIDTH"),
        ([*TOY, "--crop", "900x900"], "no room"),
    ],
)
def test_what_is_misspelt_is_told_in_one_line(picture, tmp_path, capsys, words, expected):
    assert main(["attack", str(picture), *words, "-o", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert expected in printed
    assert printed.count("\n") == 1


def test_a_defence_is_a_part_of_the_codec(picture, tmp_path):
    out, defended = tmp_path / "out", ["--codec", "toy", "gain=0.5", "defence=median"]
    assert _attack(picture, out, *defended, "--attack", "fgsm") == 0
    assert "toy gain=0.5 + median" in {record.victim for record in read_run(out).measures}
    source = ["--source", "toy", "defence=flip", "--attack", "fgsm"]
    words = ["--codec", "jpeg", "quality=40.0", "defence=median", *source]
    assert _attack(picture, tmp_path / "through", *words) == 0
    crafts = read_run(tmp_path / "through").crafts.values()
    assert ("toy + flip",) in {craft.sources for craft in crafts}


def test_the_noise_that_stands_beside_can_be_asked_for_itself(picture, tmp_path):
    assert _attack(picture, tmp_path / "out", *JPEG, "--attack", "sign-noise") == 0
