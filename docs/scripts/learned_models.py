"""Write docs/learned_models.md: which classes of learned models work, and how fast they are.

    python docs/scripts/learned_models.py FOLDER

Each class that the installed CompressAI has is built with few channels and random weights. The last
layer of its encoder is scaled so that some latents are not rounded to zero. The tests of `bench
check` then run on its checkpoint, in one process and on one object of the codec. A step is timed on
a net of the published size. Results are kept in FOLDER, one file per class; a class with a result
is not measured again.

Classes that the installed CompressAI lacks are in its preview. Run the script in an environment of
its own for them. It needs the other dependencies of pyproject.toml too, but not the project:

    python -m venv preview
    preview/bin/pip install compressai-temp==1.2.9.dev0 timm ...
    PYTHONPATH=. preview/bin/python docs/scripts/learned_models.py FOLDER
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import compressai
import numpy as np
import torch
from compressai.entropy_models import GaussianConditional
from compressai.models import CompressionModel
from compressai.registry import MODELS
from compressai.zoo.image import model_architectures
from pages import DOCS, table, write_page
from skimage import data
from torch import Tensor, nn

from backends.learned.compressai import OwnModel, live
from backends.learned.nets import freeze
from bench.registry.component_spec import ComponentSpec
from bench.tensors import to_tensor
from bench.testing import check_process

PAGE = DOCS / "learned_models.md"
NAMED = {**MODELS, **model_architectures}
SIDE = 256
"""Side of the picture of a timed step, in pixels."""

SPREAD = 0.2
"""Standard deviation of the latents. The scales that a random net predicts have their minimum, and
the estimate of larger latents is too high there: they are rarer than the coder's 2**-16. So few
latents are not rounded to 0: 2.5 % of those of elic2022-official and 2.4 % of those of
cheng2020-anchor-checkerboard, counted less their means before the Gaussian conditionals, on 128x128
pixels of astronaut."""

CLASSES: Mapping[str, Mapping[str, Any]] = {
    "stf-wacnn": {"N": 64, "M": 80, "num_slices": 5},
    "tcm": {"N": 32, "M": 160, "hyper_channels": 64},
    "mlicpp": {"N": 48, "M": 96, "slice_num": 3},
    "cca": {
        "latent_channels": 80,
        "hyper_channels": 48,
        "slice_proportions": (2, 7, 14, 23, 34),
        "encoder_dims": (48, 56, 64),
        "encoder_layers": (1, 1, 1),
        "em_hidden_channels": 56,
    },
    "saaf": {"M": 160, "block_num": (1, 1, 2)},
    "dcae": {"M": 160, "block_num": (1, 1, 2)},
    "elic2022-official": {"N": 32},
    "cheng2020-anchor-checkerboard": {"N": 32},
    "mlicv2": {"N": 48, "M": 96, "slice_num": 3},
    "mlicplus": {"N": 48, "M": 96, "slice_num": 3},
    "mlic": {"N": 48, "M": 96, "slice_num": 3},
    "stf": {"embed_dim": 24},
    "elic2022-chandelier": {"N": 32},
}
"""The name of each class in CompressAI, and arguments of its constructor for a small net."""

SUMMED: Mapping[str, str] = {
    "saaf": r"g_a\.6|aux_enc\.3\.olp\.linear",
    "stf": r"layers\.2\.downsample\.reduction|layers\.3\.blocks\.\d+\.(attn\.proj|mlp\.fc2)",
}
"""The layers whose outputs add up to the latents, where it is not the last strided convolution."""

INTRODUCTION = """\
# Learned models that work

`{name: compressai, model: ..., checkpoint: ...}` codes and attacks classes of learned models
without an adapter
(see [plugins.md](plugins.md#a-checkpoint-of-your-own-compressai-model)). This page shows for which
classes the tests of `bench check` hold. CompressAI publishes no weights for them, so the tests ran
on nets with few channels and random weights, scaled so that some latents are not rounded to 0,
2.5 % of those of elic2022-official on a photograph. All latents of MLICv2 are coded; a trained net
selects them."""
COLUMNS = (
    "class",
    "CompressAI",
    "strings",
    "sides",
    "`bench check`",
    "rate against bytes",
    "reconstruction against decoder",
    "step, distortion",
    "step, rate",
)
EXPLANATION = """\
- **CompressAI** is the version that has the class. Today's release is 1.2.8; 1.2.9.dev0 is a
  preview of the next one (`compressai-temp`, by others).
- **strings** are coded separately; each ends with 4 to 8 bytes. **sides** are padded to multiples
  of this.
- **rate against bytes** and **reconstruction against decoder** are what `bench check` measures: the
  bits that attacks believe, less the endings, and the surrogate with straight-through rounding.
- **MLICv2**: its forward and its encoder compute the same means in different memory layouts. On
  this net a latent lies so close to a half that the two round it differently, and the decoder with
  random weights turns that into a large difference.
- Every class also has the surrogate without rounding.
- A **step** is one gradient at 256x256, in processor seconds of one core, of a net of the published
  size."""
COMMAND = """\
## Reproduce this page

    python docs/scripts/learned_models.py FOLDER

The script says how to make the environment with the preview. This page was written with
{versions}, on {day}."""


def main() -> None:
    """Measure every class that has no result yet, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for name in CLASSES:
        if name in NAMED and not (folder / f"{name}.json").exists():
            result = _measured(name, folder / f"{name}.pth")
            (folder / f"{name}.json").write_text(json.dumps(result))
            _write_page(folder)


def _write_page(folder: Path) -> None:
    """Write the page from the results that there are."""
    paths = [folder / f"{name}.json" for name in CLASSES]
    results = [json.loads(path.read_text()) for path in paths if path.exists()]
    lines = [result["line"] for result in results]
    command = _command(sorted({result["made"] for result in results}))
    write_page(PAGE, [INTRODUCTION, table(COLUMNS, lines), EXPLANATION, command])


def _command(made: list[str]) -> str:
    """Return how to write the page again."""
    versions, days = zip(*(one.split(" on ") for one in made), strict=True)
    return COMMAND.format(versions=" and ".join(dict.fromkeys(versions)), day=max(days))


def _measured(name: str, checkpoint: Path) -> dict[str, Any]:
    """Return the line of a class in the table, and with what it was measured."""
    torch.manual_seed(0)
    torch.save(_spread(name, NAMED[name](**CLASSES[name]).eval()).state_dict(), checkpoint)
    codec = OwnModel(name, str(checkpoint))
    params = (("model", name), ("checkpoint", str(checkpoint)))
    chosen = {"choice": ComponentSpec("compressai", params), "codec": lambda _: codec}
    contract = type("ClassContract", (check_process.Contract,), chosen)
    results = []
    for test in check_process.REQUIREMENTS:
        results.append(check_process.check(contract, test))
        print(name, results[-1], flush=True)  # what the table cannot hold
    versions = f"CompressAI {compressai.__version__}, torch {torch.__version__}"
    line = [
        name,
        compressai.__version__,
        str(codec.tolerances.strings),
        str(codec._factor),
        _verdict(results),
        _figure(results, "rate is", "they differ by"),
        _figure(results, "reconstruct agrees", "agrees with decode to"),
        *(f"{seconds:.1f}" for seconds in _step_seconds(name)),
    ]
    return {"line": line, "made": f"{versions}, NumPy {np.__version__} on {date.today()}"}


def _verdict(results: list[Any]) -> str:
    failed = [result.requirement for result in results if result.verdict == "FAIL"]
    held = sum(result.verdict in {"PASS", "WARN"} for result in results)
    words = f"{held} of {len(results) - sum(one.verdict == 'n/a' for one in results)}"
    return f"{words}; fails: {', '.join(failed)}" if failed else f"{words} hold"


def _figure(results: list[Any], start: str, before: str) -> str:
    """Return a measured value and its unit from the sentence that has it."""
    figures = [figure for result in results for figure in (*result.figures, result.reason)]
    sentence = next((figure for figure in figures if figure.startswith(start)), "")
    return sentence.partition(before)[2].partition(";")[0].strip() or "-"


@torch.no_grad()
def _spread(name: str, net: CompressionModel) -> CompressionModel:
    """Scale what adds up to the latents until those of a photograph spread."""
    photograph = to_tensor(data.astronaut()[:128, 128:256])  # type: ignore[no-untyped-call]
    layers = _last_layers(name, net)
    for _ in range(4):
        factor = SPREAD / _latents(net, photograph).std()
        for layer in layers:
            layer.weight *= factor
            if layer.bias is not None:
                layer.bias *= factor
    for path, part in net.named_modules():
        if path.endswith("selective_predictor.predictor.4"):
            part.bias += 10  # random weights of MLICv2 select no latents, so none would be coded
    net.update(force=True, update_quantiles=True)
    return net


def _last_layers(name: str, net: CompressionModel) -> list[Any]:
    """Return the layers of the encoder whose outputs add up to the latents."""
    if name in SUMMED:
        return [part for path, part in net.named_modules() if re.fullmatch(SUMMED[name], path)]
    parts = [part for part in net.g_a.modules() if isinstance(part, nn.Conv2d)]
    return [part for part in parts if part.stride[0] > 1][-1:]


def _latents(net: CompressionModel, picture: Tensor) -> Tensor:
    """Return what the first Gaussian conditional gets from the forward of a net."""
    found: list[Tensor] = []
    for part in net.modules():
        if isinstance(part, GaussianConditional):
            part.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    net(picture)
    return found[0]


def _step_seconds(name: str) -> list[float]:
    """Return the processor seconds of a gradient of the distortion and of the rate."""
    net: CompressionModel = NAMED[name]().eval()
    net.update()
    surrogate = live(freeze(net), "straight-through")
    picture = torch.rand(1, 3, SIDE, SIDE)
    halves = (
        lambda images: surrogate.reconstruct(images).square().sum(),
        lambda images: torch.stack([one.sum() for one in surrogate.rate(images).values()]).sum(),
    )
    seconds = []
    for half in halves:
        images = picture.clone().requires_grad_(True)
        started = time.process_time()
        half(images).backward()  # type: ignore[no-untyped-call]
        seconds.append(time.process_time() - started)
    return seconds


if __name__ == "__main__":
    main()
