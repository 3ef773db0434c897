"""The codecs that ship with the harness, by name.

To add one: write a file in this folder, and a line here.
"""

import warnings

from bench.entry import Cost, Entry

warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)  # raised inside CompressAI

_FIXED_RATE = {
    "bmshj2018-factorized": ("factorised prior, Ballé et al. 2018", Cost(4, 2)),
    "bmshj2018-factorized-relu": ("factorised prior, ReLU for GDN", Cost(4, 2)),
    "bmshj2018-hyperprior": ("scale hyperprior, Ballé et al. 2018", Cost(4, 2)),
    "mbt2018-mean": ("mean and scale hyperprior, Minnen et al. 2018", Cost(4, 2.5)),
    "mbt2018": ("joint autoregressive and hierarchical prior, Minnen et al. 2018", Cost(60, 4)),
    "cheng2020-anchor": ("Cheng et al. 2020 without attention", Cost(60, 6)),
    "cheng2020-attn": ("Cheng et al. 2020 with attention", Cost(60, 7)),
}

_FROM_CHECKPOINTS = {
    "cheng2020-anchor-checkerboard": (
        "Cheng et al. 2020 in two passes, He et al. 2021",
        Cost(8, 6),
    ),
    "elic2022-official": ("uneven channel groups, He et al. 2022; own weights", Cost(12, 9)),
    "elic2022-chandelier": ("ELIC, simplified by Chandelier 2023; own weights", Cost(12, 9)),
}

_VARIABLE_RATE = {
    "bmshj2018-hyperprior-vbr": ("scale hyperprior, eight levels, Kamisli et al. 2024", Cost(5, 4)),
    "mbt2018-mean-vbr": ("mean and scale hyperprior, eight levels", Cost(5, 4.5)),
    "mbt2018-vbr": ("joint autoregressive and hierarchical prior, eight levels", Cost(60, 6)),
}


def _learned(target: str, architectures: dict[str, tuple[str, Cost]]) -> dict[str, Entry]:
    return {
        name: Entry(target, summary, preset={"architecture": name}, cost=cost)
        for name, (summary, cost) in architectures.items()
    }


CODECS: dict[str, Entry] = {
    **_learned("backends.compressai:CompressAI", _FIXED_RATE),
    **_learned("backends.compressai:Checkpoint", _FROM_CHECKPOINTS),
    **_learned("backends.variable_rate:VariableRate", _VARIABLE_RATE),
    "compressai": Entry(
        "backends.compressai:OwnModel",
        "any CompressionModel of a module that `plugins:` names, from a checkpoint",
        cost=Cost(8, 6),
    ),
    "vvc": Entry(
        "backends.ffmpeg:Vvc",
        "H.266/VVC intra, libvvenc and ffmpeg's decoder, 4:2:0 10 bit",
        available="backends.ffmpeg:availability",
        cost=Cost(25),
    ),
    "jpeg": Entry("backends.pillow:Jpeg", "JPEG 4:4:4, Pillow"),
    "identity": Entry("backends.pillow:Identity", "lossless PNG: what no codec does to a picture"),
    "toy": Entry(
        "backends.toy:Toy", "linear unary code with closed-form optima, for tests", cost=Cost(1, 1)
    ),
}
