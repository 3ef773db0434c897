"""CompressAI's fixed-rate image models: https://github.com/InterDigitalInc/CompressAI.

Gradients go through `backends.learned.surrogate`. This module also finds the weights: in the
package, in a file, or among those that CompressAI publishes.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal
from urllib.error import HTTPError

import torch
from compressai.models import CompressionModel
from compressai.zoo.image import model_urls
from pydantic import Field

from backends.learned.base import Learned
from backends.learned.frozen.replace import quick
from backends.learned.nets import Device, frozen, on_device
from backends.learned.surrogate import costed, rating, reconstructing
from backends.learned.surrogate_passes import Surrogate, SurrogateForward
from bench.errors import ConfigError, one_line
from bench.models.architectures import coding
from bench.models.checkpoint import load, read
from bench.registry import trusted as consent

_SPELLING = {"bmshj2018-factorized-relu": "bmshj2018_factorized_relu"}
"""Architectures that CompressAI's zoo spells otherwise than its own documentation."""


class CompressAI(Learned):
    """One of the models whose weights are of one rate.

    Args:
        architecture: a name of CompressAI's zoo, such as "bmshj2018-hyperprior".
        quality: take the weights CompressAI publishes for this quality (downloaded once).
        checkpoint: take these weights instead: a bundled name, or the path of a .safetensors or
            CompressAI .pth.tar file, relative to the working directory.
        metric: what the published weights were trained for.
        device: where gradients are computed, "cpu" or "cuda"; strings are coded on the CPU.
    """

    def __init__(
        self,
        architecture: str,
        quality: Annotated[int, Field(ge=1, le=8)] | None = None,
        checkpoint: str | None = None,
        metric: Literal["mse", "ms-ssim"] = "mse",
        device: Device = "cpu",
    ) -> None:
        if (quality is None) == (checkpoint is None):
            raise ConfigError(
                f"{architecture} needs either 'quality' (published weights) or 'checkpoint'"
                f" (a file, or one of {', '.join(bundled(architecture)) or 'no bundled ones'})"
            )
        if checkpoint is None:
            net = _published(architecture, metric, quality or 1)
        else:
            net = local(architecture, checkpoint)
        super().__init__(architecture, *_coding_and_surrogate(net, device))


class Checkpoint(Learned):
    """A model that CompressAI has, but publishes no weights of.

    Args:
        architecture: its name.
        checkpoint: a bundled name, or the path of a .safetensors or CompressAI .pth.tar file.
        device: where gradients are computed, "cpu" or "cuda"; strings are coded on the CPU.
    """

    def __init__(self, architecture: str, checkpoint: str, device: Device = "cpu") -> None:
        net = local(architecture, checkpoint)
        super().__init__(architecture, *_coding_and_surrogate(net, device))


class OwnModel(Learned):
    """A model of the user's, made of CompressAI's base classes.

    Args:
        model: "module:Class", the module being named in the suite's `plugins`; the class is a
            CompressionModel with CompressAI's `from_state_dict`.
        checkpoint: the path of a .safetensors or CompressAI .pth.tar file.
        device: where gradients are computed, "cpu" or "cuda"; strings are coded on the CPU.
    """

    def __init__(self, model: str, checkpoint: str, device: Device = "cpu") -> None:
        net = _instance(model, Path(checkpoint))
        super().__init__(model, *_coding_and_surrogate(net, device))


def live(net: CompressionModel) -> Surrogate:
    """Return the surrogate of a net in training, as its entropy model stands now."""
    return Surrogate(net, SurrogateForward(reconstructing(net), rating(net), costed(net)))


def _coding_and_surrogate(
    net: CompressionModel, device: Device
) -> tuple[CompressionModel, Callable[[CompressionModel], Surrogate], CompressionModel]:
    net = frozen(net)
    return net, lambda own: live(quick(on_device(own, device))), net


def bundled(architecture: str = "") -> list[str]:
    """Return the names of the checkpoints that ship with the package."""
    zoo = resources.files("backends") / "zoo"
    names = [Path(entry.name) for entry in zoo.iterdir() if entry.name.endswith(".safetensors")]
    return sorted(name.stem for name in names if name.stem.startswith(architecture))


def local(architecture: str, checkpoint: str) -> CompressionModel:
    """Return the net of a bundled checkpoint, or of a file.

    Raises:
        ConfigError: it cannot be read, or holds another architecture.
    """
    return load(located(checkpoint), _SPELLING.get(architecture, architecture))


def located(checkpoint: str) -> Path:
    """Return the file of a bundled checkpoint, by its name, or of any other, by its path."""
    if checkpoint not in bundled():
        return Path(checkpoint)
    with resources.as_file(resources.files("backends") / "zoo") as folder:
        return folder / f"{checkpoint}.safetensors"


def _instance(model: str, checkpoint: Path) -> CompressionModel:
    kind, state = consent.load_class(model, CompressionModel), read(checkpoint).state
    try:
        return coding(kind.from_state_dict(state))
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"{checkpoint} does not hold the weights of {model}: {one_line(error)}"
        ) from error


def _published(architecture: str, metric: str, quality: int) -> CompressionModel:
    url = model_urls.get(architecture, {}).get(metric, {}).get(quality)
    if url is None:
        raise ConfigError(
            f"CompressAI publishes no {metric} weights for {architecture} at quality {quality};"
            " give 'checkpoint' instead"
        )
    return load(downloaded(url), architecture)


def downloaded(url: str) -> Path:
    """Return the file in torch's cache; its name ends with the start of its SHA-256.

    Raises:
        ConfigError: it cannot be had, or has another hash.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    digest = file.name.rpartition("-")[2].partition(".")[0]
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), digest, progress=False)
    except (OSError, HTTPException, RuntimeError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise ConfigError(
            f"cannot download {url} ({error}); download it elsewhere and give its path as"
            " 'checkpoint'"
        ) from error
    return file
