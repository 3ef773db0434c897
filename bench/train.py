"""Training of CompressAI models.

    photos --crops--> step: loss = bpp + lmbda * 255^2 * MSE --> running mean --> checkpoint

Every random number of a step follows from the recipe's seed and the step's number, so a training
that was killed goes on from its last saved state and ends with the same weights.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compressai.models import CompressionModel
from rich.console import Console
from torch import nn
from torch.nn import functional

from bench import checkpoint, metrics, reading
from bench.checkpoint import Card, RateDistortion
from bench.codec import Image
from bench.config import load
from bench.crops import Photos, picture_files, read_photos
from bench.errors import ConfigError
from bench.recipe import Recipe
from bench.tensors import to_image, to_tensor
from bench.trainer import Losses, Trainer
from bench.trainlog import Display, Entry, Log

_LOG_EVERY = 50
_PAD = 64


def train(
    recipe_path: Path,
    out: Path | None = None,
    console: Console | None = None,
    photos: Path | None = None,
) -> Path:
    """Carry out a recipe, or go on with it where it was interrupted.

    Sets torch's thread count, random seed and treatment of denormals for the whole process.

    Args:
        recipe_path: the YAML file.
        out: folder of the checkpoint, log, curves and state; trainings/NAME by default.
        console: where progress is shown.
        photos: folder of training pictures, instead of the recipe's.

    Returns:
        The path of the trained weights (.safetensors); the card is beside it.

    Raises:
        ConfigError: the recipe, the photos, the parent or the folder cannot be used.
        ImageError: a photo cannot be read.
        BenchError: training diverged.
    """
    recipe = load(recipe_path, Recipe)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    folder = photos or recipe_path.parent / recipe.photos
    pictures = read_photos(folder, recipe.holdout, recipe.crop)
    run = _Run(recipe, recipe_path, out or Path("trainings") / recipe.name, pictures)
    run.go(console or Console())
    return run.weights


def rate_distortion(net: CompressionModel, pictures: Iterable[Image]) -> RateDistortion:
    """Return what a net reaches on pictures, with bytes it decoded again.

    Args:
        net: in eval mode, on the CPU, with its CDF tables.
        pictures: uint8, each (H, W, 3); padded for the net and cropped back.
    """
    scores = [_score(net, picture) for picture in pictures]
    bpp, psnr = np.mean(scores, axis=0)
    return RateDistortion(bpp=float(bpp), psnr=float(psnr), pictures=len(scores))


def measure_set(weights: Path, name: str, folder: Path) -> RateDistortion:
    """Measure trained weights on a folder of pictures and write the result into their card."""
    return _measure(weights, name, (reading.read(file).image for file in picture_files(folder)))


class _Run:
    """One training and its folder."""

    def __init__(self, recipe: Recipe, recipe_path: Path, out: Path, photos: Photos) -> None:
        self.recipe = recipe
        self.photos = photos
        self.out = out
        self.weights = out / f"{recipe.name}.safetensors"
        self._state = out / "state.pt"
        self.recipe_sha256 = hashlib.sha256(recipe_path.read_bytes()).hexdigest()
        self.parent = recipe_path.parent / recipe.parent if recipe.parent else None
        out.mkdir(parents=True, exist_ok=True)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.trainer = Trainer(recipe, self._first_net(), device)
        self._resume()

    def go(self, console: Console) -> None:
        """Train to the last step; save, validate and log on the way."""
        trainer, recipe = self.trainer, self.recipe
        log = Log(self.out / "log.jsonl", trainer.step)
        with Display(console, recipe.name, trainer.step, recipe.steps) as display:
            display.say(f"{recipe.name}: from step {trainer.step}, {trainer.device.type}")
            while trainer.step < recipe.steps:
                self._stretch(log, display)
            if not self.weights.exists():
                self._validate(log, display)

    def _stretch(self, log: Log, display: Display) -> None:
        """Train for some steps, then do what is due."""
        recipe, trainer = self.recipe, self.trainer
        losses = [trainer.advance(self.photos.training) for _ in range(self._until_due())]
        entry = _entry(trainer.step, losses)
        log.add(entry)
        display.show(entry)
        if self._due(recipe.validate_every):
            self._validate(log, display)
        if self._due(recipe.checkpoint_every):
            self._save_state()

    def _until_due(self) -> int:
        step, recipe = self.trainer.step, self.recipe
        gaps = (_LOG_EVERY, recipe.validate_every, recipe.checkpoint_every)
        return min(recipe.steps - step, *(gap - step % gap for gap in gaps))

    def _due(self, every: int) -> bool:
        return self.trainer.step % every == 0 or self.trainer.step == self.recipe.steps

    def _first_net(self) -> CompressionModel:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        net = checkpoint.fresh(recipe.architecture, recipe.widths)
        if self.parent is not None:
            _copy_weights(checkpoint.load(self.parent, recipe.architecture), net, self.parent)
        return net

    def _validate(self, log: Log, display: Display) -> None:
        """Save the checkpoint, and measure on the held-out photos what was saved."""
        net = checkpoint.build(self.recipe.architecture, self.trainer.averaged())
        checkpoint.save(self.weights, net, self._card())
        result = _measure(self.weights, "holdout", self.photos.holdout)
        step = self.trainer.step
        log.add({"step": step, "holdout_bpp": result.bpp, "holdout_psnr": result.psnr})
        log.plot(self.out / "curves.png")
        display.say(f"step {step}: held-out photos {result.bpp:.4f} bpp {result.psnr:.3f} dB")

    def _card(self) -> Card:
        recipe = self.recipe
        return Card(
            architecture=recipe.architecture,
            widths=recipe.widths,
            lmbda=recipe.lmbda,
            steps=self.trainer.step,
            recipe_sha256=self.recipe_sha256,
            parent=self.parent.stem if self.parent else None,
            training_set_sha256=self.photos.sha256,
            versions=checkpoint.versions(),
            rate_distortion={},
            licence=recipe.licence,
        )

    def _identity(self) -> dict[str, str]:
        return {"recipe": self.recipe_sha256, "photos": self.photos.sha256}

    def _save_state(self) -> None:
        buffer = io.BytesIO()
        torch.save({**self._identity(), "trainer": self.trainer.state()}, buffer)
        checkpoint.write_atomically(self._state, buffer.getvalue())

    def _resume(self) -> None:
        if not self._state.exists():
            return
        saved = _read_state(self._state)
        if any(saved.get(key) != value for key, value in self._identity().items()):
            raise ConfigError(
                f"{self.out} holds a training by another recipe or on other photos; "
                "choose another folder with --out, or remove it"
            )
        self.trainer.restore(saved["trainer"])


def _read_state(path: Path) -> dict[str, Any]:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(f"{path} is damaged; remove it to train from the start") from error
    return saved if isinstance(saved, dict) else {}


def _copy_weights(source: nn.Module, net: nn.Module, path: Path) -> None:
    weights = dict(net.named_parameters())
    found = dict(source.named_parameters())
    if any(found[name].shape != weight.shape for name, weight in weights.items()):
        raise ConfigError(f"the parent {path} has other widths than the recipe")
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(found[name])


def _measure(weights: Path, name: str, pictures: Iterable[Image]) -> RateDistortion:
    found = checkpoint.read(weights)
    if found.card is None:
        raise ConfigError(f"{weights} has no card beside it; only trained weights have one")
    net = checkpoint.build(found.card.architecture, found.state)
    result = rate_distortion(net, pictures)
    measured = {**found.card.rate_distortion, name: result}
    checkpoint.write_card(weights, found.card.model_copy(update={"rate_distortion": measured}))
    return result


def _score(net: CompressionModel, picture: Image) -> tuple[float, float]:
    """Return bits per pixel and PSNR of one picture, uint8 (H, W, 3)."""
    height, width, _ = picture.shape
    padding = (0, -width % _PAD, 0, -height % _PAD)
    padded = functional.pad(to_tensor(picture), padding, mode="replicate")
    with torch.no_grad():
        packed = net.compress(padded)
        decoded = net.decompress(packed["strings"], packed["shape"])["x_hat"]
    size = sum(len(string) for strings in packed["strings"] for string in strings)
    rounded = to_image(decoded[..., :height, :width])
    return metrics.bpp(size, height, width), metrics.psnr(picture, rounded)


def _entry(step: int, losses: list[Losses]) -> Entry:
    """Return the means over some steps; the PSNR is that of the mean MSE."""
    loss, bpp, mse = (
        float(torch.stack(values).mean())
        for values in zip(*((one.loss, one.bpp, one.mse) for one in losses), strict=True)
    )
    return {"step": step, "loss": loss, "bpp": bpp, "psnr": metrics.psnr_of(mse)}
