"""The codecs that ship with the harness, by name.

To add one: write a file in this folder, and a line here.
"""

import warnings

from bench.entry import Entry

warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)  # raised inside CompressAI

_ARCHITECTURES = {
    "bmshj2018-factorized": "factorised prior, Ballé et al. 2018",
    "bmshj2018-factorized-relu": "factorised prior, ReLU for GDN",
    "bmshj2018-hyperprior": "scale hyperprior, Ballé et al. 2018",
    "mbt2018-mean": "mean and scale hyperprior, Minnen et al. 2018",
    "mbt2018": "joint autoregressive and hierarchical prior, Minnen et al. 2018",
    "cheng2020-anchor": "Cheng et al. 2020 without attention",
    "cheng2020-attn": "Cheng et al. 2020 with attention",
}

CODECS: dict[str, Entry] = {
    name: Entry("backends.compressai:CompressAI", summary, preset={"architecture": name})
    for name, summary in _ARCHITECTURES.items()
} | {
    "vvc": Entry(
        "backends.ffmpeg:Vvc",
        "H.266/VVC intra, libvvenc and ffmpeg's decoder, 4:2:0 10 bit",
        available="backends.ffmpeg:availability",
    ),
    "jpeg": Entry("backends.pillow:Jpeg", "JPEG 4:4:4, Pillow"),
    "identity": Entry("backends.pillow:Identity", "lossless PNG: what no codec does to a picture"),
    "toy": Entry("backends.toy:Toy", "linear unary code with closed-form optima, for tests"),
}
