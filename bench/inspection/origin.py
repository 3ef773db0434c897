"""Where the harm of an attack arises: in which layer, in which latents.

source, attacked --codec.trace--> change of each layer's input and output --> [Layer]
                 --codec.recombined--> real bytes with one stream of the source --> [Stream]

After Wu et al. (arXiv 2405.07717), who compare the distances before and after each layer, and
exchange the hyperprior of one picture for that of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.codec import Codec, Differentiable, Image, Traceable
from bench.errors import Unsupported
from bench.isolation.coder import LocalCoder
from bench.metrics.scores import mse, psnr_of
from bench.scoring.roundtrip import RoundTrip, encode_decode

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """The change of the values around one layer.

    Attributes:
        name: its name in the model.
        gain: root mean square change of its output by that of its input; inf if only the output
            changes.
        change: root mean square change of its output by the root mean square of the output itself.
    """

    name: str
    gain: float
    change: float


@dataclass(frozen=True)
class Stream:
    """One latent stream, and the adversarial picture coded with this stream of the source.

    Attributes:
        name: its name.
        bits: bits of the source picture, by the entropy model.
        attacked_bits: bits of the adversarial picture.
        restored_bits: bits of the whole bitstream, in real bytes, with this stream of the source;
            None if the codec cannot mix the latents, or cannot code the mixture.
        restored_psnr: PSNR in dB of its reconstruction against the source picture; None likewise.
    """

    name: str
    bits: float
    attacked_bits: float
    restored_bits: int | None
    restored_psnr: float | None


@dataclass(frozen=True)
class Origin:
    """Where the harm of an attack arises in one codec."""

    layers: list[Layer]
    streams: list[Stream]


def origin(codec: Codec, source: Image, attacked: Image) -> Origin:
    """Return where the harm arises; nothing for a codec whose layers cannot be traced.

    Args:
        codec: the codec.
        source: the source picture, uint8 (H, W, 3).
        attacked: the adversarial picture, of the same shape.
    """
    if not (isinstance(codec, Traceable) and isinstance(codec, Differentiable)):
        return Origin([], [])
    import torch  # noqa: PLC0415 - takes seconds to import

    from bench.tensors import to_tensor  # noqa: PLC0415 - imports torch

    first, second = to_tensor(source), to_tensor(attacked)
    with torch.no_grad():
        layers = _layers(codec, torch.cat([first, second]))
        before, after = codec.rate(first), codec.rate(second)
        streams = []
        for name in before:
            restored = _restored(codec, name, first, second, attacked)
            streams.append(_stream(name, before[name], after[name], source, restored))
    return Origin(layers, streams)


def _layers(codec: Traceable, pair: Tensor) -> list[Layer]:
    found: list[Layer] = []

    def visit(name: str, inputs: Tensor, outputs: Tensor) -> None:
        before, after = _change(inputs), _change(outputs)
        size = float(outputs[0].double().pow(2).mean().sqrt())
        gain = after / before if before else float("inf" if after else 1)
        found.append(Layer(name, gain, after / size if size else float("inf")))

    codec.trace(pair, visit)
    return found


def _change(pair: Tensor) -> float:
    """Return the root mean square difference of two batch items."""
    return float((pair[1] - pair[0]).double().pow(2).mean().sqrt())


def _restored(
    codec: Traceable, stream: str, source: Tensor, attacked: Tensor, picture: Image
) -> RoundTrip | None:
    """Return the adversarial picture coded with a stream of the source; None if it cannot be."""
    try:
        mixed = codec.recombined(attacked, stream, source)
    except Unsupported:  # the codec has no encoder of this stream alone
        return None
    coded = encode_decode(LocalCoder(mixed), picture)
    return coded if isinstance(coded, RoundTrip) else None


def _stream(
    name: str, bits: Tensor, attacked_bits: Tensor, source: Image, coded: RoundTrip | None
) -> Stream:
    own, attacked = float(bits.sum()), float(attacked_bits.sum())
    if coded is None:
        return Stream(name, own, attacked, None, None)
    size, error = 8 * len(coded.bitstream), mse(source, coded.image)
    return Stream(name, own, attacked, size, psnr_of(error))
