from __future__ import annotations

import io
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pictures
from rich.console import Console
from skimage import data
from torch.nn import functional

from bench import checkpoint, crops, train
from bench.config import load
from bench.errors import BenchError, ConfigError, ImageError
from bench.recipe import Recipe
from bench.trainer import Trainer
from bench.trainlog import Display, Log

ROOT = Path(__file__).parents[1]
SCRIPT = "import sys; from pathlib import Path; from bench.train import train; "
SCRIPT += "train(Path(sys.argv[1]), Path(sys.argv[2]))"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    cat, cup, rocket = data.chelsea(), data.coffee(), data.rocket()
    for index, picture in enumerate((cat, cup, rocket, cat[::-1], cup[:, ::-1])):
        Pictures.fromarray(picture[50:146, 100:228]).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def write(photos, tmp_path):
    """Write a recipe and return its path; the keys given replace those of a tiny one."""

    def write(**changes):
        keys = {
            "name": "tiny",
            "architecture": "bmshj2018-factorized",
            "widths": [8, 8],
            "lmbda": 0.01,
            "photos": str(photos),
            "holdout": 1,
            "crop": 64,
            "batch": 2,
            "steps": 30,
            "lr": 1e-3,
            "warmup": 5,
            "validate_every": 20,
            "checkpoint_every": 10,
        }
        path = tmp_path / "tiny.yaml"
        path.write_text(json.dumps({**keys, **changes}))
        return path

    return write


def _quiet():
    return Console(file=io.StringIO(), width=200)


def _train(recipe, out, **options):
    return train.train(recipe, out, _quiet(), **options)


def test_a_few_steps_lower_the_loss(write, tmp_path):
    out = tmp_path / "out"
    weights = _train(write(steps=120, validate_every=50), out)
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    held_out = [entry for entry in entries if "holdout_psnr" in entry]
    assert losses[-1] < 0.5 * losses[0]
    assert held_out[-1]["holdout_psnr"] > held_out[0]["holdout_psnr"]
    assert [entry["step"] for entry in held_out] == [50, 100, 120]
    assert (out / "curves.png").stat().st_size > 10_000
    assert not list(out.glob("*.tmp"))
    card = checkpoint.read(weights).card
    assert card.steps == 120
    assert card.rate_distortion["holdout"].psnr == held_out[-1]["holdout_psnr"]


def test_a_killed_training_ends_with_the_same_bits(write, tmp_path):
    recipe = write(steps=80, validate_every=40)
    straight = _train(recipe, tmp_path / "straight")
    killed = tmp_path / "killed"
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(recipe), str(killed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _await(killed / "state.pt", process)
        time.sleep(random.uniform(0, 0.5))
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _train(recipe, killed).read_bytes() == straight.read_bytes()
    assert _log(killed) == _log(straight.parent)


def _await(path, process):
    while not path.exists():
        assert process.poll() is None, "the training ended before it was killed"
        time.sleep(0.01)


def _log(out):
    return (out / "log.jsonl").read_text()


def test_a_finished_training_is_left_as_it_is(write, tmp_path):
    first = _train(write(), tmp_path / "out")
    before = first.read_bytes(), first.stat().st_mtime_ns
    assert _train(write(), tmp_path / "out") == first
    assert before == (first.read_bytes(), first.stat().st_mtime_ns)


def test_a_torn_log_line_is_forgotten(write, tmp_path):
    out = tmp_path / "out"
    _train(write(), out)
    whole = _log(out)
    (out / "log.jsonl").write_text(whole + '{"step": 31, "lo')
    _train(write(), out)
    assert _log(out) == whole


@pytest.mark.parametrize(
    "torn", [b'{"step": 3', b'{"step": 3, "loss": {}', b"{\0\0\xff}", b"3", b"{}"]
)
def test_only_the_last_log_line_may_be_torn(torn, tmp_path):
    path, whole = tmp_path / "log.jsonl", b'{"step": 1, "loss": NaN}\n{"step": 2, "loss": 3.0}\n'
    path.write_bytes(whole + torn)
    assert [entry["step"] for entry in Log(path, 9).entries] == [1, 2]
    assert path.read_bytes() == whole
    path.write_bytes(torn + b"\n" + whole)
    with pytest.raises(ConfigError, match=r"log.jsonl is damaged at line 1; remove that line or"):
        Log(path, 9)
    assert path.read_bytes() == torn + b"\n" + whole


def test_a_log_that_is_a_folder_is_refused(write, tmp_path):
    (tmp_path / "out" / "log.jsonl").mkdir(parents=True)
    with pytest.raises(
        ConfigError, match=r"log.jsonl cannot be used \(Is a directory\); remove it"
    ):
        _train(write(), tmp_path / "out")


def test_training_goes_on_from_a_parent(write, tmp_path):
    parent = _train(write(), tmp_path / "first")
    child = write(name="child", parent="first/tiny.safetensors", steps=1, lr=1e-8, aux_lr=1e-8)
    started = checkpoint.read(_train(child, tmp_path / "second"))
    assert started.card.parent == "tiny"
    for name, weight in checkpoint.read(parent).state.items():
        torch.testing.assert_close(started.state[name], weight, rtol=2e-3, atol=1e-6)


def test_a_parent_of_other_widths_is_refused(write, tmp_path):
    _train(write(steps=1), tmp_path / "first")
    child = write(parent="first/tiny.safetensors", widths=[8, 12])
    with pytest.raises(ConfigError, match=r"tiny.safetensors has other widths than the recipe"):
        _train(child, tmp_path / "second")


def test_a_folder_of_another_recipe_is_refused(write, tmp_path):
    _train(write(steps=1), tmp_path / "out")
    with pytest.raises(ConfigError, match="out holds a training by another recipe"):
        _train(write(steps=2), tmp_path / "out")


@pytest.mark.parametrize(
    ("saved", "words"),
    [(b"PK\3\4 torn", "state.pt is damaged; remove it"), (None, "another recipe")],
)
def test_a_foreign_state_is_refused(saved, words, write, tmp_path):
    torch.save([1, 2], tmp_path / "state.pt")
    if saved:
        (tmp_path / "state.pt").write_bytes(saved)
    with pytest.raises(ConfigError, match=words):
        _train(write(), tmp_path)


def test_a_training_that_diverges_says_so(write, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_losses", _infinite)
    with pytest.raises(BenchError, match="training diverged at step 0; lower lr"):
        _train(write(), tmp_path / "out")


def _infinite(self, images):
    losses = _REAL_LOSSES(self, images)
    return type(losses)(losses.loss * torch.inf, losses.bpp, losses.mse)


_REAL_LOSSES = Trainer._losses


@pytest.mark.parametrize("architecture", ["bmshj2018-hyperprior", "mbt2018-mean", "mbt2018"])
def test_other_architectures_take_a_step(architecture, write, photos):
    recipe = load(write(architecture=architecture), Recipe)
    net = checkpoint.fresh(architecture, recipe.widths)
    trainer = Trainer(recipe, net, torch.device("cpu"))
    losses = trainer.advance(crops.read_photos(photos, 1, 64).training)
    assert torch.isfinite(losses.loss)
    assert losses.loss > losses.bpp > 0
    restored = Trainer(recipe, net, torch.device("cpu"))
    restored.restore(trainer.state())
    assert restored.step == 1


def test_entropy_models_stay_in_float32(write):
    recipe = load(write(), Recipe)
    net = checkpoint.fresh(recipe.architecture, recipe.widths)
    seen = []
    net.g_s.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    net.g_a[0].register_forward_hook(lambda _, __, made: seen.append(made.dtype))
    Trainer(recipe, net, torch.device("cpu")).advance([np.zeros((64, 64, 3), np.uint8)])
    assert seen == [torch.bfloat16, torch.float32]


def test_rate_and_distortion_are_those_of_real_strings():
    net = checkpoint.fresh("bmshj2018-factorized", (8, 8)).eval()
    net.update()
    picture = data.chelsea()[:64, :128]
    found = train.rate_distortion(net, [picture, picture])
    images = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        packed = net.compress(images)
        decoded = net.decompress(packed["strings"], packed["shape"])["x_hat"]
    mse = functional.mse_loss((decoded * 255).round(), images * 255)
    assert found.bpp == 8 * len(packed["strings"][0][0]) / (64 * 128)
    assert found.psnr == pytest.approx(float(10 * torch.log10(255**2 / mse)), abs=1e-3)
    assert found.pictures == 2


def test_a_set_is_measured_into_the_card(write, photos, tmp_path):
    weights = _train(write(steps=1), tmp_path / "out")
    result = train.measure_set(weights, "mine", photos)
    card = checkpoint.read(weights).card
    assert card.rate_distortion["mine"] == result
    assert result.pictures == 5
    assert set(card.rate_distortion) == {"holdout", "mine"}


def test_photos_can_be_named_apart_from_the_recipe(write, photos, tmp_path):
    with pytest.raises(ConfigError, match=r"no folder of photos at .*elsewhere; name one with"):
        _train(write(photos="elsewhere"), tmp_path / "out")
    assert _train(write(photos="elsewhere", steps=1), tmp_path / "out", photos=photos).exists()


def test_photos_are_split_and_hashed_by_name_and_content(photos, tmp_path):
    found = crops.read_photos(photos, 2, 64)
    assert (len(found.training), len(found.holdout)) == (3, 2)
    assert np.array_equal(found.holdout[0], np.asarray(Pictures.open(photos / "0.png")))
    for file in photos.iterdir():
        (tmp_path / file.name.replace("4", "5")).write_bytes(file.read_bytes())
    assert crops.read_photos(tmp_path, 2, 64).sha256 != found.sha256


def test_photos_that_cannot_be_used_are_named(photos, tmp_path):
    with pytest.raises(ConfigError, match="holds 5 pictures; more than 5 are needed"):
        crops.read_photos(photos, 5, 64)
    with pytest.raises(ConfigError, match=r"1.png is smaller than a crop of 128 pixels"):
        crops.read_photos(photos, 1, 128)
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"b.png cannot be read"):
        crops.read_photos(tmp_path, 1, 64)


def test_hidden_files_and_folders_are_no_photos(photos, tmp_path):
    for file in photos.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "._a.png").write_bytes(b"what a Mac leaves behind")
    (tmp_path / "x.png").mkdir()
    assert crops.read_photos(tmp_path, 1, 64).sha256 == crops.read_photos(photos, 1, 64).sha256


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_photos_path_that_cannot_be_a_folder_is_refused(name, write, tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)photos at .*; name (one|another) with --photos"):
        _train(write(photos=name), tmp_path / "out")


def test_a_photos_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "iterdir", _forbidden)
    with pytest.raises(ConfigError, match=r"cannot list the photos at .*\(Permission denied\)"):
        crops.read_photos(tmp_path, 1, 64)


def _forbidden(self):
    raise PermissionError(13, "Permission denied", str(self))


def test_crops_are_parts_of_the_pictures_or_their_mirror():
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    drawn = crops.draw_crops([picture], 4, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 3, 4, 4)
    parts = {
        side[top : top + 4, left : left + 4].tobytes()
        for side in (picture, picture[:, ::-1])
        for top in range(3)
        for left in range(5)
    }
    assert {crop.permute(1, 2, 0).numpy().tobytes() for crop in drawn} == parts


def test_the_learning_rate_rises_and_falls(write):
    recipe = load(write(steps=1000, warmup=10, lr=1e-3, final_lr=1e-5), Recipe)
    rates = [recipe.lr_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[9] == rates[10] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)
    assert sorted(rates[10:], reverse=True) == rates[10:]
    assert [recipe.ema_at(step) for step in (0, 10**6)] == [0.1, 0.999]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"crop": 100}, r"tiny.yaml:1: crop: .*multiple of 64"),
        ({"step": 3}, r"step: unknown key; did you mean 'steps'"),
        ({"lr": 3}, r"lr: .*less than or equal to 0.01"),
        ({"name": "../up"}, r"name: "),
        ({"widths": []}, r"widths: "),
    ],
)
def test_recipes_are_checked(change, words, write, tmp_path):
    with pytest.raises(ConfigError, match=words):
        _train(write(**change), tmp_path / "out")


def test_a_terminal_gets_a_live_line(tmp_path):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=150)
    with Display(console, "tiny", 0, 100) as display:
        display.show({"step": 50, "loss": 3.0, "bpp": 0.25, "psnr": 21.5})
    assert "loss 3.000 0.250 bpp 21.50 dB" in screen.getvalue()


def test_curves_are_drawn_before_the_first_validation(tmp_path):
    log = Log(tmp_path / "log.jsonl", 0)
    log.add({"step": 50, "loss": 3.0, "bpp": 0.25, "psnr": 21.5})
    log.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
