"""Training of CompressAI models.

    photos --crops, some adversarial--> step: loss = bpp + lmbda * 255^2 * MSE --> checkpoint

The random numbers of a step depend only on the seed of the recipe and the number of the step. So a
training that was killed resumes from its last saved state and ends with the same weights.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch
from compressai.models import CompressionModel
from rich.console import Console

from bench.errors import ConfigError
from bench.images import image_set as images
from bench.images.image_set import ImageSpec
from bench.metrics import scores as metrics
from bench.models import checkpoint
from bench.models.architectures import build, fresh
from bench.models.card import Card
from bench.models.torch_files import load_torch
from bench.models.warm_start import inherit
from bench.training.crops import BatchLoader, Photos, read_photos
from bench.training.evaluate import measure
from bench.training.log import Display, Entry, Log
from bench.training.recipe import Recipe, Stage
from bench.training.trainer import Losses, Trainer
from bench.utils.files import write_atomically
from bench.utils.machine import configure_threads
from bench.utils.terminal import terminal
from bench.utils.yaml_config import load

_LOG_EVERY = 50
"""Steps between two entries of the log."""

_SAMPLES = ImageSpec(set="sample")

_STATE_FORMAT = "2"
"""Version of the format of saved states."""


def train(
    recipe_path: Path,
    out: Path | None = None,
    console: Console | None = None,
    photos: Path | None = None,
) -> list[Path]:
    """Train the checkpoints of a recipe, or resume an interrupted training.

    Sets torch's thread count, random seed and handling of denormals for the whole process.

    Args:
        recipe_path: path of the YAML file.
        out: folder of the checkpoints, logs, curves and states; default trainings/NAME.
        console: where progress is shown.
        photos: folder of training pictures, instead of the one in the recipe.

    Returns:
        The paths of the trained weights (.safetensors), one for each lambda, with their cards
        beside them.

    Raises:
        ConfigError: the recipe, the photos, the parent or the folder cannot be used.
        ImageError: a photo cannot be read.
        BenchError: training diverged.
    """
    recipe = load(recipe_path, Recipe)
    configure_threads(recipe.threads)
    folder = (out or Path("trainings") / recipe.name).absolute()
    pictures = read_photos(
        photos or recipe_path.parent / recipe.photos, recipe.holdout, recipe.crop
    )
    parent = recipe_path.parent / recipe.parent if recipe.parent else None
    trained: list[Path] = []
    for stage in recipe.stages:
        training = _StageTraining(stage, parent, folder, pictures)
        training.run(console or terminal())
        trained.append(training.weights)
        parent = training.weights
    return trained


class _StageTraining:
    """The training of one checkpoint, and its files."""

    def __init__(self, stage: Stage, parent: Path | None, out: Path, photos: Photos) -> None:
        self.stage = stage
        self.recipe = stage.recipe
        self.photos = photos
        self.parent = parent
        self.weights = out / f"{stage.name}.safetensors"
        self._out = out
        self._state = out / f"{stage.name}.state.pt"
        self._seconds = 0.0
        out.mkdir(parents=True, exist_ok=True)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.trainer = Trainer(stage, self._initial_net(), device)
        self._resume()

    def run(self, console: Console) -> None:
        """Train to the last step; log, validate and save on the way."""
        trainer, stage = self.trainer, self.stage
        log = Log(self._out / f"{stage.name}.log.jsonl", trainer.step)
        with (
            Display(console, stage.name, trainer.step, stage.steps) as display,
            BatchLoader(self.photos.training, self.recipe, trainer.step) as batches,
        ):
            precision = "bfloat16" if trainer.bfloat16 else "float32"
            display.say(
                f"{stage.name}: from step {trainer.step}, {trainer.device.type}, {precision}"
            )
            if not self._state.exists():
                self._save_state()  # keeps what was measured, even if the first steps are lost
            if not log.entries:
                log.add({"step": 0, "bfloat16": float(trainer.bfloat16)})
            while trainer.step < stage.steps:
                self._train_until_due(batches, log, display)
            if not self.weights.exists():
                self._validate(log, display)
        self._measure_samples()

    def _train_until_due(self, batches: BatchLoader, log: Log, display: Display) -> None:
        """Train until a log entry, a validation or a saved state is due; then do it."""
        recipe, trainer, started = self.recipe, self.trainer, time.monotonic()
        losses = [trainer.advance(batches.take()) for _ in range(self._steps_until_due())]
        entry = _entry(trainer.step, losses)
        self._seconds += time.monotonic() - started
        log.add(entry)
        display.show(entry, batches.waited)
        if self._is_due(recipe.validate_every):
            self._validate(log, display)
        if self._is_due(recipe.checkpoint_every):
            self._save_state()

    def _steps_until_due(self) -> int:
        step, recipe = self.trainer.step, self.recipe
        intervals = (_LOG_EVERY, recipe.validate_every, recipe.checkpoint_every)
        return min(self.stage.steps - step, *(every - step % every for every in intervals))

    def _is_due(self, every: int) -> bool:
        return self.trainer.step % every == 0 or self.trainer.step == self.stage.steps

    def _initial_net(self) -> CompressionModel:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        net = fresh(recipe.architecture, recipe.widths)
        if self.parent is not None:
            inherit(net, recipe.architecture, self.parent)
        return net

    def _validate(self, log: Log, display: Display) -> None:
        """Save the checkpoint and measure it on the held-out photos."""
        net = build(self.recipe.architecture, self.trainer.averaged())
        checkpoint.save(self.weights, net, self._card())
        result = measure(self.weights, "holdout", self.photos.holdout)
        step = self.trainer.step
        log.add({"step": step, "holdout_bpp": result.bpp, "holdout_psnr": result.psnr})
        log.plot(self._out / f"{self.stage.name}.curves.png")
        display.say(f"step {step}: held-out photos {result.bpp:.4f} bpp {result.psnr:.3f} dB")

    def _measure_samples(self) -> None:
        card = checkpoint.read(self.weights).card
        if card is not None and "sample" not in card.rate_distortion:
            samples = images.load(_SAMPLES, Path())
            measure(self.weights, "sample", (picture.pixels for picture in samples))

    def _card(self) -> Card:
        recipe = self.recipe
        return Card(
            architecture=recipe.architecture,
            widths=recipe.widths,
            lmbda=self.stage.lmbda,
            steps=self.trainer.step,
            seconds=round(self._seconds),
            hardware=_hardware(self.trainer.device, recipe.threads),
            bfloat16=self.trainer.bfloat16,
            recipe_sha256=recipe.sha256,
            parent=self.parent.stem if self.parent else None,
            training_set_sha256=self.photos.sha256,
            versions=checkpoint.versions(),
            rate_distortion={},
            licence=recipe.licence,
        )

    def _identity(self) -> dict[str, str]:
        parent = self.parent.read_bytes() if self.parent else b""
        return {
            "format": _STATE_FORMAT,
            "recipe": self.recipe.sha256,
            "photos": self.photos.sha256,
            "parent": hashlib.sha256(parent).hexdigest(),
        }

    def _save_state(self) -> None:
        buffer = io.BytesIO()
        state = {"seconds": self._seconds, "trainer": self.trainer.state()}
        torch.save({**self._identity(), **state}, buffer)
        write_atomically(self._state, buffer.getvalue())

    def _resume(self) -> None:
        if not self._state.exists():
            return
        saved = _read_state(self._state)
        if any(saved.get(key) != value for key, value in self._identity().items()):
            raise ConfigError(
                f"{self._out} holds a training by another recipe, from another parent or on other"
                " photos; choose another folder with --out, or remove it"
            )
        self._seconds = saved["seconds"]
        self.trainer.restore(saved["trainer"])


def _read_state(path: Path) -> dict[str, Any]:
    try:
        saved = load_torch(path)
    except Exception as error:
        raise ConfigError(f"{path} is damaged; remove it to train from the start") from error
    return saved if isinstance(saved, dict) else {}


def _hardware(device: torch.device, threads: int) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{threads} thread{'s' if threads > 1 else ''} of {os.cpu_count()} {platform.machine()}"


def _entry(step: int, losses: list[Losses]) -> Entry:
    """Return the log entry of some steps: means, and the PSNR of the mean MSE."""
    figures = ((one.loss, one.bpp, one.mse, one.attacked) for one in losses)
    loss, bpp, mse, attacked = (
        float(torch.stack(values).mean()) for values in zip(*figures, strict=True)
    )
    entry = {"step": step, "loss": loss, "bpp": bpp, "psnr": metrics.psnr_of(mse)}
    return entry if math.isnan(attacked) else {**entry, "attacked": attacked}
