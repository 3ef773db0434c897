"""An ONNX graph as a function in torch: differentiable, for any size, in float32 or float64.

It knows the nine operations that the networks of JPEG AI use, and refuses any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor
from torch.nn import functional

from bench.errors import ConfigError


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    Attributes:
        operation: the name that ONNX gives it.
        inputs: names of its inputs: results of earlier nodes, weights, or the graph's input.
        output: name of its result.
        options: its attributes by name.
    """

    operation: str
    inputs: tuple[str, ...]
    output: str
    options: Mapping[str, Any]


class Graph:
    """A network with one input and one output, both (B, C, H, W).

    Args:
        file: an ONNX file.

    Raises:
        ConfigError: the file cannot be read, or the graph needs more than the operations here.
    """

    def __init__(self, file: Path) -> None:
        model = _read(file)
        weights = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
        self._weights = {
            torch.float32: {name: torch.tensor(array) for name, array in weights.items()}
        }
        self._nodes = [_node(file, node) for node in model.graph.node]
        (self._input,) = (one.name for one in model.graph.input if one.name not in weights)
        (self._output,) = (one.name for one in model.graph.output)
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the output for (B, C, H, W), computed in the type of the input."""
        values = {**self._weights_as(inputs.dtype), self._input: inputs}
        for node in self._nodes:
            arguments = [values[name] for name in node.inputs]
            values[node.output] = _OPERATIONS[node.operation](*arguments, **node.options)
        return values[self._output]

    def _weights_as(self, dtype: torch.dtype) -> Mapping[str, Tensor]:
        """Return the weights in a floating-point type, converted once."""
        if dtype not in self._weights:
            weights = self._weights[torch.float32]
            self._weights[dtype] = {name: tensor.to(dtype) for name, tensor in weights.items()}
        return self._weights[dtype]


def _read(file: Path) -> Any:  # noqa: ANN401 - onnx generates its classes at run time
    try:
        return onnx.load(file)
    except Exception as error:  # protobuf raises its own exceptions
        raise ConfigError(f"{file} cannot be read as an ONNX file ({error})") from error


def _node(file: Path, node: Any) -> Node:  # noqa: ANN401
    if node.op_type not in _OPERATIONS:
        raise ConfigError(
            f"{file} has the operation {node.op_type}; only {', '.join(_OPERATIONS)} are known, so"
            " this is not a network of JPEG AI Verification Model 3.3"
        )
    options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    (output,) = node.output
    return Node(node.op_type, tuple(node.input), output, options)


def _convolution(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    strides: Sequence[int],
    pads: Sequence[int],
    **layout: Any,  # noqa: ANN401
) -> Tensor:
    _check_plain(pads, layout)
    return functional.conv2d(inputs, weight, bias, tuple(strides), tuple(pads[:2]))


def _transposed_convolution(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    strides: Sequence[int],
    pads: Sequence[int],
    **layout: Any,  # noqa: ANN401
) -> Tensor:
    _check_plain(pads, layout)
    return functional.conv_transpose2d(inputs, weight, bias, tuple(strides), tuple(pads[:2]))


_PLAIN = {"group": 1, "dilations": [1, 1]}


def _check_plain(pads: Sequence[int], layout: Mapping[str, Any]) -> None:
    """Check that a convolution has equal padding on both sides, no groups and no dilation."""
    unknown = {
        name: value
        for name, value in layout.items()
        if name != "kernel_shape" and _PLAIN.get(name) != value
    }
    if unknown or pads[:2] != pads[2:]:
        raise ConfigError(f"a convolution with pads {pads} and {unknown} is not known here")


def _leaky_relu(inputs: Tensor, *, alpha: float) -> Tensor:
    return functional.leaky_relu(inputs, alpha)


_OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "Div": torch.div,
    "LeakyRelu": _leaky_relu,
    "Mul": torch.mul,
    "Relu": torch.relu,
    "Sub": torch.sub,
}
