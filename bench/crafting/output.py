"""The output of a codec for a batch of pictures, and the view that an objective gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attack import View
from bench.codec import Image
from bench.metrics.failure import failed_coding
from bench.tensors import to_tensor


@dataclass(frozen=True)
class Output:
    """The output of a codec for a batch of pictures; None for a part that is not needed.

    Attributes:
        reconstruction: float (B, 3, H, W) in [0, 1].
        regenerated: reconstruction of the decoded picture, of the same shape.
        bits: maps of bits by stream, each (B, ...).
        offsets: latents less the coded latents of the source pictures, by stream, each (B, ...).
        bitstream: the bitstream of a picture that was really encoded; empty for a failure.
        seconds: the time to encode it.
    """

    reconstruction: Tensor | None = None
    bits: Mapping[str, Tensor] | None = None
    regenerated: Tensor | None = None
    offsets: Mapping[str, Tensor] | None = None
    bitstream: bytes | None = None
    seconds: float | None = None


def _differing(one: bytes | None, other: bytes | None) -> Tensor | None:
    """Return the number of bytes in which two bitstreams differ, (1,); None if one is unknown."""
    if one is None or other is None:
        return None
    shared = sum(a != b for a, b in zip(one, other, strict=False))
    return torch.tensor([float(shared + abs(len(one) - len(other)))])


def failed_output(image: Image) -> Output:
    """Return what a failure to code a picture, uint8 (H, W, 3), counts as."""
    failed = failed_coding(image)
    bits = {"bitstream": torch.tensor([[failed.bpp * image[..., 0].size]])}
    grey = to_tensor(failed.image)
    return Output(grey, bits, grey, bitstream=b"", seconds=0.0)


def view_of(images: Tensor, source: Tensor, coded: Output, clean: Output) -> View:
    """Return what an objective sees of a batch of pictures.

    Args:
        images: the pictures, float (B, 3, H, W) in [0, 1].
        source: their source pictures, of the same shape.
        coded: the codec's output for the pictures.
        clean: its output for the source pictures; empty if the objective needs none.
    """
    return View(
        images=images,
        source=source,
        clean=clean.reconstruction,
        reconstruction=coded.reconstruction,
        regenerated=coded.regenerated,
        bits=coded.bits,
        clean_bits=clean.bits,
        offsets=coded.offsets,
        differing=_differing(coded.bitstream, clean.bitstream),
        seconds=None if coded.seconds is None else torch.tensor([coded.seconds]),
    )
