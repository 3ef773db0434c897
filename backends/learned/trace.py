"""The layers of CompressAI models while they code, and encoders that mix two pictures' latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from compressai.entropy_models import EntropyBottleneckVbr, EntropyModel
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.learned.nets import view
from bench.errors import Unsupported

_ENCODERS = {"y": "g_a", "z": "h_a"}
"""The part of a model whose output is a stream's latents."""

Visit = Callable[[str, Tensor, Tensor], None]


@torch.no_grad()
def trace(net: CompressionModel, images: Tensor, visit: Visit, options: Mapping[str, Any]) -> None:
    """Run a model in evaluation mode and visit each layer, see `bench.codec.Traceable`.

    A layer is a module in one of the model's own sequences of layers, such as g_a, or an entropy
    model anywhere in it, whose input and output are latents before and after rounding. An entropy
    model that runs several times is visited as often.

    Args:
        net: the model.
        images: the pictures, float (B, 3, H, W) in [0, 1], padded.
        visit: is called after each layer.
        options: further arguments of the model's forward.
    """
    inputs: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, layer in _layers(net):
            before = layer.register_forward_pre_hook(partial(_keep_input, inputs, name))
            after = layer.register_forward_hook(partial(_visit, visit, inputs, name))
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        net(images, **options)


def _keep_input(kept: dict[str, Tensor], name: str, _: nn.Module, inputs: tuple[Any, ...]) -> None:
    kept[name] = inputs[0].clone()  # activations in CompressAI overwrite their input


def _layers(net: CompressionModel) -> Iterator[tuple[str, nn.Module]]:
    for path, module in net.named_modules():
        if isinstance(module, EntropyModel | EntropyBottleneckVbr):
            yield path, module
        elif isinstance(module, nn.Sequential) and "." not in path:
            for place, layer in module.named_children():
                yield f"{path}.{place} {type(layer).__name__}", layer


def _visit(
    visit: Visit,
    kept: dict[str, Tensor],
    name: str,
    _: nn.Module,
    inputs: tuple[Any, ...],
    outputs: Any,  # noqa: ANN401 - a module can return anything
) -> None:
    del inputs
    visit(name, kept.pop(name), outputs[0] if isinstance(outputs, tuple) else outputs)


def recombined(
    net: CompressionModel, images: Tensor, stream: str, others: Tensor
) -> CompressionModel:
    """Return a view of a model that codes the latents of pictures, and those of others in a stream.

    Args:
        net: the model.
        images: the pictures, float (1, 3, H, W) in [0, 1], padded.
        stream: "y" or "z".
        others: the pictures that the stream is taken from.

    Raises:
        Unsupported: a stream of the model has no encoder of its own, so that it would follow from
            another one.
    """
    encoders = {name: part for name, part in _ENCODERS.items() if part in net._modules}
    (own, streams), (given, _) = _encoded(net, images), _encoded(net, others)
    if missing := {stream, *streams} - encoders.keys():
        raise Unsupported(
            f"{type(net).__name__} has no encoder of the latents {', '.join(sorted(missing))} alone"
        )
    fixed: dict[str, nn.Module] = {
        part: FixedEncoder((given if name == stream else own)[part])
        for name, part in encoders.items()
    }
    mixed: CompressionModel = view(net, **fixed)
    return mixed


def _encoded(net: CompressionModel, images: Tensor) -> tuple[dict[str, Tensor], Iterable[str]]:
    """Return the output of each encoder of a model, by its name, and the names of its streams."""
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks, torch.no_grad():
        for part in filter(net._modules.__contains__, _ENCODERS.values()):
            keep = partial(_keep, found, part)
            hooks.callback(net._modules[part].register_forward_hook(keep).remove)
        streams = net(images)["likelihoods"]
    return found, streams


def _keep(
    found: dict[str, Tensor], part: str, _: nn.Module, inputs: tuple[Any, ...], output: Tensor
) -> None:
    del inputs
    found[part] = output


class FixedEncoder(nn.Module):
    """Replaces an encoder by a constant output, which can be exchanged.

    Attributes:
        latents: the output.
    """

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        self.latents = latents

    def forward(self, _: Tensor) -> Tensor:
        """Return the latents."""
        return self.latents

    def __deepcopy__(self, _: object) -> FixedEncoder:
        """Return itself, so that copies of a model share the latents."""
        return self
