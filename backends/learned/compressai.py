"""CompressAI's fixed-rate image models: https://github.com/InterDigitalInc/CompressAI.

Gradients flow through `backends.learned.surrogates.views`. This module also locates weights: in the
package, in a file, or among the weights that CompressAI publishes.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast
from urllib.error import HTTPError

import compressai
import torch
from compressai.models import CompressionModel
from compressai.models.video import ScaleSpaceFlow
from compressai.registry import MODELS
from compressai.zoo.image import model_architectures, model_urls
from pydantic import Field
from torch import Tensor

from backends.learned.base import Learned
from backends.learned.coding import coding_factor
from backends.learned.frozen.replace import with_fast_layers
from backends.learned.nets import Device, freeze, on_device
from backends.learned.surrogates.passes import Pass, Surrogate, SurrogateForward
from backends.learned.surrogates.views import (
    rate_view,
    rd_view,
    reconstruction_view,
    unrounded_views,
)
from bench.codec import Rounding
from bench.errors import ConfigError, one_line
from bench.models.architectures import coding
from bench.models.checkpoint import load, read
from bench.models.state_names import beginnings, fitted
from bench.registry.trusted import load_class
from bench.utils.yaml_config import nearest

Loader: TypeAlias = Callable[[dict[str, Tensor]], CompressionModel]

_SPELLING = {"bmshj2018-factorized-relu": "bmshj2018_factorized_relu"}
"""Architectures whose names in CompressAI's zoo differ from its documentation."""


class CompressAI(Learned):
    """A fixed-rate model of CompressAI's zoo.

    Args:
        architecture: its name in CompressAI's zoo, such as "bmshj2018-hyperprior".
        quality: use the weights that CompressAI publishes for this quality (downloaded once).
        checkpoint: use these weights instead: a bundled name, or the path of a .safetensors or
            CompressAI .pth.tar file, relative to the working directory.
        metric: the distortion metric of the published weights' training.
        device: the device of gradients, "cpu" or "cuda"; bitstreams are coded on the CPU.

    Raises:
        ConfigError: not exactly one of quality and checkpoint is set, or the weights cannot be
            loaded.
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
            net = load_checkpoint(architecture, checkpoint)
        super().__init__(architecture, *_coding_and_surrogate(net, device))


class Checkpoint(Learned):
    """A model of CompressAI without published weights.

    Args:
        architecture: its name.
        checkpoint: a bundled name, or the path of a .safetensors or CompressAI .pth.tar file.
        device: the device of gradients, "cpu" or "cuda"; bitstreams are coded on the CPU.

    Raises:
        ConfigError: the weights cannot be loaded.
    """

    def __init__(self, architecture: str, checkpoint: str, device: Device = "cpu") -> None:
        net = load_checkpoint(architecture, checkpoint)
        super().__init__(architecture, *_coding_and_surrogate(net, device))


class OwnModel(Learned):
    """A model of any class derived from CompressAI's base classes.

    Args:
        model: "module:Class" of a module that the suite's `plugins` names, or the name of a class
            in the installed CompressAI, such as "elic2022-official". The class is a
            CompressionModel with CompressAI's `from_state_dict`; its entropy models are
            EntropyBottlenecks and GaussianConditionals.
        checkpoint: the path of a .safetensors or CompressAI .pth.tar file.
        device: the device of gradients, "cpu" or "cuda"; bitstreams are coded on the CPU.

    Raises:
        ConfigError: `plugins` does not name the module, CompressAI has no such model, the weights
            do not fit, the model cannot code, or there is no surrogate of an entropy model in it.
    """

    def __init__(self, model: str, checkpoint: str, device: Device = "cpu") -> None:
        net = _instance(model, Path(checkpoint))
        factor = coding_factor(freeze(net))
        super().__init__(model, *_coding_and_surrogate(net, device, factor), factor=factor)


def live(net: CompressionModel, rounding: Rounding) -> Surrogate:
    """Return the surrogate of a model in training, with its current entropy model."""
    return _surrogate(net, rounding)


def _surrogate(net: CompressionModel, rounding: Rounding, factor: int | None = None) -> Surrogate:
    if rounding == "none":
        reconstruction, both = unrounded_views(net)
    else:
        reconstruction, both = reconstruction_view(net), rd_view(net)
    return Surrogate(net, SurrogateForward(reconstruction, rate_view(net), both), factor)


def _coding_and_surrogate(
    net: CompressionModel, device: Device, factor: int | None = None
) -> tuple[
    CompressionModel,
    Callable[[CompressionModel, Rounding], Surrogate],
    Callable[[CompressionModel], Pass],
]:
    def surrogate_of(model: CompressionModel, rounding: Rounding) -> Surrogate:
        return _surrogate(with_fast_layers(on_device(model, device)), rounding, factor)

    return freeze(net), surrogate_of, _own_forward


def _own_forward(net: CompressionModel) -> Pass:
    return cast("Pass", net)


def bundled(architecture: str = "") -> list[str]:
    """Return the names of the bundled checkpoints of an architecture, or of all, sorted."""
    zoo = resources.files("backends") / "zoo"
    names = [Path(entry.name) for entry in zoo.iterdir() if entry.name.endswith(".safetensors")]
    return sorted(name.stem for name in names if name.stem.startswith(architecture))


def load_checkpoint(architecture: str, checkpoint: str) -> CompressionModel:
    """Return the model of a bundled checkpoint or of a file.

    Raises:
        ConfigError: the file cannot be read, or holds another architecture.
    """
    return load(locate(checkpoint), _SPELLING.get(architecture, architecture))


def locate(checkpoint: str) -> Path:
    """Return the path of a bundled checkpoint by its name, or any other path unchanged."""
    if checkpoint not in bundled():
        return Path(checkpoint)
    with resources.as_file(resources.files("backends") / "zoo") as folder:
        return folder / f"{checkpoint}.safetensors"


def _instance(model: str, checkpoint: Path) -> CompressionModel:
    from_state_dict, state = _loader(model), read(checkpoint).state
    try:
        return coding(fitted(from_state_dict, state))
    except ConfigError as error:
        raise ConfigError(f"{checkpoint}: {error}") from error
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"{checkpoint} does not hold the weights of {model}: {one_line(error)}; its names begin"
            f" with {beginnings(state)}"
        ) from error


def _loader(model: str) -> Loader:
    """Return `from_state_dict` of a class of a module that the suite names, or of CompressAI."""
    if ":" in model:
        return cast("Loader", load_class(model, CompressionModel).from_state_dict)
    named = {
        name: one for name, one in {**MODELS, **model_architectures}.items() if _codes_images(one)
    }
    if model not in named:
        raise ConfigError(
            f"CompressAI {compressai.__version__} has no image model '{model}' (a class of your own"
            f" is module:Class); {nearest(model, named)}"
        )
    try:
        return cast("Loader", named[model].from_state_dict)
    except ImportError as error:  # CompressAI imports some classes when they are used
        raise ConfigError(
            f"the model {model} of CompressAI cannot be imported: {one_line(error)}"
        ) from error


def _codes_images(registered: object) -> bool:
    """Return whether something that CompressAI registers is no model of videos or points.

    A class that CompressAI imports when it is used counts as one of images.
    """
    try:
        can_load = hasattr(registered, "from_state_dict")
    except ImportError:
        return True
    is_video = isinstance(registered, type) and issubclass(registered, ScaleSpaceFlow)
    return can_load and not is_video


def _published(architecture: str, metric: str, quality: int) -> CompressionModel:
    url = model_urls.get(architecture, {}).get(metric, {}).get(quality)
    if url is None:
        raise ConfigError(
            f"CompressAI publishes no {metric} weights for {architecture} at quality {quality};"
            " set 'checkpoint' instead"
        )
    return load(download(url), architecture)


def download(url: str) -> Path:
    """Download a file once, and return its path in torch's cache.

    The end of the file's name is the start of its SHA-256 hash.

    Raises:
        ConfigError: the download failed, or the file has another hash.
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
            f"cannot download {url} ({error}); download it elsewhere and set 'checkpoint' to its"
            " path"
        ) from error
    return file
