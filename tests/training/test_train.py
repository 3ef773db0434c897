from __future__ import annotations

import io
import json
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from bench.errors import BenchError, ConfigError
from bench.images.image_set import Crop, ImageSpec
from bench.models import checkpoint
from bench.models.architectures import fresh
from bench.training import train, trainer
from bench.training.trainer import Trainer
from paths import ROOT

SCRIPT = """\
import sys, time
from pathlib import Path
from bench.training.train import train
from bench.training.trainer import Trainer

advance = Trainer.advance

def slowly(*arguments):
    time.sleep(0.2)
    return advance(*arguments)

Trainer.advance = slowly
train(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def _small_samples(monkeypatch):
    small = ImageSpec(set="sample", limit=1, crop=Crop(height=64, width=64))
    monkeypatch.setattr(train, "_SAMPLES", small)


def _quiet():
    return Console(file=io.StringIO(), width=200)


def _train(path, out, **options):
    """Train one checkpoint and return its weights' path."""
    (weights,) = train.train(path, out, _quiet(), **options)
    return weights


def test_a_few_steps_lower_the_loss(recipe, tmp_path):
    out = tmp_path / "out"
    weights = _train(recipe(steps=120, validate_every=50), out)
    entries = [json.loads(line) for line in (out / "tiny.log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    held_out = [entry for entry in entries if "holdout_psnr" in entry]
    assert losses[-1] < 0.5 * losses[0]
    assert held_out[-1]["holdout_psnr"] > held_out[0]["holdout_psnr"]
    assert [entry["step"] for entry in held_out] == [50, 100, 120]
    assert (out / "tiny.curves.png").stat().st_size > 10_000
    assert not list(out.glob("*.tmp"))
    card = checkpoint.read(weights).card
    assert card.steps == 120
    assert card.rate_distortion["holdout"].psnr == held_out[-1]["holdout_psnr"]


def test_a_killed_training_ends_with_the_same_bits(recipe, tmp_path):
    path = recipe(steps=50, validate_every=25)
    straight = _train(path, tmp_path / "straight")
    killed = tmp_path / "killed"
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(path), str(killed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _await(killed / "tiny.state.pt", process)
        time.sleep(random.uniform(0, 2))
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _train(path, killed).read_bytes() == straight.read_bytes()
    assert _log(killed) == _log(straight.parent)


def _await(path, process):
    while not path.exists():
        assert process.poll() is None, "the training ended before it was killed"
        time.sleep(0.01)


def _log(out):
    return (out / "tiny.log.jsonl").read_text()


def test_a_finished_training_is_left_as_it_is(recipe, tmp_path):
    first = _train(recipe(), tmp_path / "out")
    before = first.read_bytes(), first.stat().st_mtime_ns
    assert _train(recipe(), tmp_path / "out") == first
    assert before == (first.read_bytes(), first.stat().st_mtime_ns)


def test_a_torn_log_line_is_forgotten(recipe, tmp_path):
    out = tmp_path / "out"
    _train(recipe(), out)
    whole = _log(out)
    (out / "tiny.log.jsonl").write_text(whole + '{"step": 31, "lo')
    _train(recipe(), out)
    assert _log(out) == whole


def test_a_log_that_is_a_folder_is_refused(recipe, tmp_path):
    (tmp_path / "out" / "tiny.log.jsonl").mkdir(parents=True)
    with pytest.raises(
        ConfigError, match=r"tiny.log.jsonl cannot be used \(Is a directory\); remove it"
    ):
        _train(recipe(), tmp_path / "out")


def test_training_goes_on_from_a_parent(recipe, tmp_path):
    parent = _train(recipe(), tmp_path / "first")
    child = recipe(name="child", parent="first/tiny.safetensors", steps=1, lr=1e-8, aux_lr=1e-8)
    started = checkpoint.read(_train(child, tmp_path / "second"))
    assert started.card.parent == "tiny"
    for name, weight in checkpoint.read(parent).state.items():
        torch.testing.assert_close(started.state[name], weight, rtol=2e-3, atol=1e-6)


def test_a_wider_parent_is_refused(recipe, tmp_path):
    _train(recipe(steps=1, widths=[8, 12]), tmp_path / "first")
    child = recipe(parent="first/tiny.safetensors")
    with pytest.raises(ConfigError, match=r"tiny.safetensors .* has other transforms .*, or is wi"):
        _train(child, tmp_path / "second")


def test_a_folder_of_another_recipe_is_refused(recipe, tmp_path):
    _train(recipe(steps=1), tmp_path / "out")
    with pytest.raises(ConfigError, match="out holds a training by another recipe"):
        _train(recipe(steps=2), tmp_path / "out")


@pytest.mark.parametrize(
    ("saved", "words"),
    [(b"PK\3\4 torn", "state.pt is damaged; remove it"), (None, "another recipe")],
)
def test_a_foreign_state_is_refused(saved, words, recipe, tmp_path):
    torch.save([1, 2], tmp_path / "tiny.state.pt")
    if saved:
        (tmp_path / "tiny.state.pt").write_bytes(saved)
    with pytest.raises(ConfigError, match=words):
        _train(recipe(), tmp_path)


def test_a_training_that_diverges_says_so(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_losses", _infinite)
    with pytest.raises(BenchError, match="training diverged at step 0; lower lr"):
        _train(recipe(), tmp_path / "out")


def _infinite(self, images, batch):
    losses = _REAL_LOSSES(self, images, batch)
    return replace(losses, loss=losses.loss * torch.inf)


_REAL_LOSSES = Trainer._losses


def test_photos_can_be_named_apart_from_the_recipe(recipe, photos, tmp_path):
    with pytest.raises(ConfigError, match=r"no folder of photos at .*elsewhere; name one with"):
        _train(recipe(photos="elsewhere"), tmp_path / "out")
    assert _train(recipe(photos="elsewhere", steps=1), tmp_path / "out", photos=photos).exists()


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_photos_path_that_cannot_be_a_folder_is_refused(name, recipe, tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)photos at .*; name (one|another) with --photos"):
        _train(recipe(photos=name), tmp_path / "out")


def test_every_lambda_of_a_list_starts_from_the_one_before(recipe, tmp_path):
    path = recipe(lmbda=[0.013, 0.0035, 0.01], steps=[30, 1, 1], lr=1e-8, aux_lr=1e-8)
    made = train.train(path, tmp_path / "out", _quiet())
    assert [weights.stem for weights in made] == ["tiny-q4", "tiny-q2", "tiny-lmbda0.01"]
    first, second, third = map(checkpoint.read, made)
    assert [one.card.lmbda for one in (first, second, third)] == [0.013, 0.0035, 0.01]
    assert [one.card.parent for one in (first, second, third)] == [None, "tiny-q4", "tiny-q2"]
    assert [one.card.steps for one in (first, second, third)] == [30, 1, 1]
    for name, weight in first.state.items():
        torch.testing.assert_close(third.state[name], weight, rtol=2e-3, atol=1e-6)


def test_a_finished_list_is_left_as_it_is(recipe, tmp_path):
    path = recipe(lmbda=[0.013, 0.0035], steps=2)
    before = {file: file.read_bytes() for file in train.train(path, tmp_path / "out", _quiet())}
    train.train(path, tmp_path / "out", _quiet())
    assert all(file.read_bytes() == content for file, content in before.items())


def test_a_parent_of_another_architecture_lends_its_transforms(recipe, tmp_path):
    parent = checkpoint.read(_train(recipe(), tmp_path / "first"))
    child = recipe(
        name="child", architecture="bmshj2018-hyperprior", parent="first/tiny.safetensors", steps=1
    )
    found = checkpoint.read(_train(child, tmp_path / "second"))
    assert found.card.parent == "tiny"
    for name, weight in parent.state.items():
        if name.startswith(("g_a.", "g_s.")):
            torch.testing.assert_close(found.state[name], weight, rtol=5e-3, atol=1e-3)


def test_another_parent_under_the_same_name_is_refused(recipe, tmp_path):
    parent = _train(recipe(steps=1), tmp_path / "first")
    child = recipe(name="child", parent="first/tiny.safetensors", steps=1)
    _train(child, tmp_path / "second")
    checkpoint.save(parent, fresh("bmshj2018-factorized", (8, 8)), _card(parent))
    with pytest.raises(ConfigError, match="from another parent"):
        _train(child, tmp_path / "second")


def _card(weights):
    return checkpoint.read(weights).card


def test_the_card_says_what_was_spent_and_what_the_samples_give(recipe, tmp_path):
    card = _card(_train(recipe(), tmp_path / "out"))
    assert set(card.rate_distortion) == {"holdout", "sample"}
    assert card.seconds >= 0
    assert re.fullmatch(r"1 thread of \d+ .+", card.hardware)


def test_an_adversarial_training_resumes_with_the_same_bits(recipe, tmp_path):
    attack = {"method": {"name": "pgd", "steps": 2}, "objective": "rd", "budget": {"linf": 4}}
    path = recipe(attack=attack, gradient_penalty=0.5, steps=12, checkpoint_every=5)
    straight = _train(path, tmp_path / "straight")
    out = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.Log, "add", _stop_after(2))
        with pytest.raises(KeyboardInterrupt):
            _train(path, out)
    resumed = _train(path, out)
    assert resumed.read_bytes() == straight.read_bytes()
    entries = [json.loads(line) for line in (out / "tiny.log.jsonl").read_text().splitlines()]
    assert all(entry["attacked"] > 0 for entry in entries if "loss" in entry)


@pytest.mark.parametrize("faster", [True, False])
def test_the_faster_precision_is_measured_once_and_kept(recipe, tmp_path, monkeypatch, faster):
    path, out = recipe(bfloat16=None, steps=12, checkpoint_every=50), tmp_path / "out"
    monkeypatch.setattr(trainer, "is_bfloat16_faster", lambda device: faster)
    monkeypatch.setattr(train.Log, "add", _stop_after(1))
    with pytest.raises(KeyboardInterrupt):
        _train(path, out)
    monkeypatch.undo()
    monkeypatch.setattr(trainer, "is_bfloat16_faster", lambda device: not faster)
    small = ImageSpec(set="sample", limit=1, crop=Crop(height=64, width=64))
    monkeypatch.setattr(train, "_SAMPLES", small)
    weights = _train(path, out)
    assert checkpoint.read(weights).card.bfloat16 == faster
    explicit = recipe(bfloat16=faster, steps=12)
    assert _train(explicit, tmp_path / "explicit").read_bytes() == weights.read_bytes()


def _stop_after(count):
    added = []

    def add(self, entry):
        added.append(entry)
        if len(added) > count:
            raise KeyboardInterrupt

    return add


def test_a_denoisers_card_has_no_bits(recipe, tmp_path):
    noise = {"method": "sign-noise", "objective": "distortion", "budget": {"linf": 8}}
    path = recipe(architecture="denoiser", widths=[4], attack=noise, steps=2)
    card = _card(_train(path, tmp_path / "out"))
    assert {one.bpp for one in card.rate_distortion.values()} == {0}
    assert min(one.psnr for one in card.rate_distortion.values()) > 30
