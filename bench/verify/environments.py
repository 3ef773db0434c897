"""The environments in which bitstreams are decoded again, and which of them concern a codec.

A learned codec reads its bitstreams with scales and means that a network computes. The order of
sums in a network depends on threads, on the memory layout, on the vector instructions and on the
device, so the last bits of scales and means do, too.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.codec import Codec, Concurrent, Layout, Movable
from bench.isolation.coder_process import Decoding

_PROCESSORS = {"x86_64", "AMD64"}
"""The names of the processors whose vector instructions oneDNN can be told to leave out."""


@dataclass(frozen=True)
class Environment:
    """How a process decodes that is not the one in which codecs are scored.

    Attributes:
        name: what differs, in a few words.
        threads: number of threads of torch.
        variables: environment variables of the process.
        decoding: the memory layout and the device of networks; None leaves them as they are.
        missing: why this machine does not have it; empty if it does.
    """

    name: str
    threads: int
    variables: Mapping[str, str] = field(default_factory=dict)
    decoding: Decoding | None = None
    missing: str = ""

    def why_not(self, codec: Codec) -> str:
        """Return why a codec is not decoded in this environment; empty if it is."""
        if self.missing:
            return self.missing
        if isinstance(codec, Concurrent) and self.name != SAME:
            return "a program decodes, which no setting of torch reaches"
        if self.decoding is not None and not isinstance(codec, Movable):
            return "the codec cannot move its networks"
        return ""


SAME = "another process"
"""The environment in which nothing else differs, for comparison."""


def environments(threads: int) -> list[Environment]:
    """Return the environments.

    Args:
        threads: number of threads of torch with which codecs are scored.
    """
    import torch  # noqa: PLC0415 - takes seconds to import

    no_gpu = "" if torch.cuda.is_available() else "torch finds no GPU here"
    no_x86 = "" if platform.machine() in _PROCESSORS else "the processor is not an x86"
    other = 2 if threads == 1 else 1
    contiguous: Layout = "contiguous"
    return [
        Environment(SAME, threads),
        Environment(f"threads: {other}", other),
        Environment("layout: contiguous", threads, decoding=Decoding(contiguous, "cpu")),
        *(
            Environment(f"oneDNN: {name}", threads, {"ONEDNN_MAX_CPU_ISA": name}, missing=no_x86)
            for name in ("AVX2", "SSE41")
        ),
        Environment("torch: no vectors", threads, {"ATEN_CPU_CAPABILITY": "default"}),
        Environment(
            "device: GPU", threads, decoding=Decoding("channels_last", "cuda"), missing=no_gpu
        ),
    ]
