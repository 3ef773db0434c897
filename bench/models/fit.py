"""Whether a state fits a net: names, shapes, types and values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from torch import Tensor, nn

from bench.errors import ConfigError
from bench.models.coder_tables import TABLES, last_part


def check_names(
    architecture: str,
    state: Mapping[str, Tensor],
    parameters: Collection[str],
    known: Collection[str],
) -> None:
    """Check that a state has every parameter of an architecture and nothing that is not in it.

    Args:
        architecture: its name.
        state: tensors by name.
        parameters: the names that are necessary.
        known: the names that are possible.

    Raises:
        ConfigError: names are missing or unexpected.
    """
    missing, unexpected = _shown(parameters, state), _shown(state, known)
    if missing and unexpected:
        raise ConfigError(
            f"this checkpoint holds the weights of another architecture than {architecture}"
            f" (missing {missing}; unexpected {unexpected}); name the architecture it was trained"
            " with"
        )
    if missing:
        raise ConfigError(
            f"this checkpoint lacks weights of {architecture} ({missing}): it was saved in part, or"
            " of a smaller architecture; save the whole net.state_dict(), or name that architecture"
        )
    if unexpected:
        raise ConfigError(
            f"this checkpoint holds weights that {architecture} does not have ({unexpected}); name"
            " the architecture it was trained with, or save net.state_dict() of the model alone"
        )


def check_shapes(architecture: str, net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Check that the tensors of a state have the shapes of a net's.

    Raises:
        ConfigError: one has another shape.
    """
    expected = net.state_dict()
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise ConfigError(
                f"this checkpoint holds the weights of another architecture than {architecture}"
                f" (the names are the same, the shapes are not: {name} is {tuple(tensor.shape)},"
                f" not {tuple(expected[name].shape)}); name the architecture it was trained with"
            )


def check_types(net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Check that a state has real numbers wherever the net has them.

    Raises:
        ConfigError: it has integers or complex numbers there.
    """
    for name, own in net.state_dict().items():
        if name not in state or last_part(name) in TABLES:
            continue
        if own.is_floating_point() and not state[name].is_floating_point():
            raise ConfigError(
                f"{name} is {_type(state[name])}, the model has {_type(own)} there; save the"
                " weights as floating-point numbers"
            )


def check_finite(net: nn.Module) -> None:
    """Check that a net has no NaN, and no infinite weight.

    Raises:
        ConfigError: it has one.
    """
    infinite = [name for name, weight in net.named_parameters() if not weight.isfinite().all()]
    undefined = [name for name, tensor in net.named_buffers() if tensor.isnan().any()]
    if found := infinite + undefined:
        raise ConfigError(
            f"{found[0]} has values that are not finite: its training diverged, or the file is"
            " damaged; use an earlier checkpoint"
        )


def _shown(names: Iterable[str], others: Collection[str]) -> str:
    """Return the first names that others lack, those of the entropy bottleneck last."""
    lacking = [name for name in names if name not in others]
    lacking.sort(key=lambda name: "entropy_bottleneck." in name)
    return f"{', '.join(lacking[:2])}{', ...' if len(lacking) > 2 else ''}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
