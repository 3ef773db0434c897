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
    **_learned("backends.learned.compressai:CompressAI", _FIXED_RATE),
    **_learned("backends.learned.compressai:Checkpoint", _FROM_CHECKPOINTS),
    **_learned("backends.learned.variable_rate:VariableRate", _VARIABLE_RATE),
    "compressai": Entry(
        "backends.learned.compressai:OwnModel",
        "any CompressionModel of a module that `plugins:` names, from a checkpoint",
        cost=Cost(8, 6),
    ),
    "vvc": Entry(
        "backends.external.ffmpeg:Vvc",
        "H.266/VVC intra, libvvenc and ffmpeg's decoder, 4:2:0 10 bit",
        available="backends.external.availability:vvc_availability",
        cost=Cost(25),
    ),
    "vtm": Entry(
        "backends.external.vtm:Vtm",
        "H.266/VVC intra, the reference software VTM, 4:4:4 10 bit",
        available="backends.external.availability:vtm_availability",
        cost=Cost(250),
    ),
    "h266": Entry(
        "backends.external.h266:h266",
        "H.266/VVC intra, 4:2:0 10 bit: VTM where BENCH_VTM names it, else as vvc",
        available="backends.external.availability:h266_availability",
        cost=Cost(25),
    ),
    "hevc": Entry(
        "backends.external.ffmpeg:Hevc",
        "H.265/HEVC intra, x265 and ffmpeg's decoder, 4:4:4 10 bit",
        available="backends.external.availability:hevc_availability",
        cost=Cost(15),
    ),
    "av1": Entry(
        "backends.external.ffmpeg:Av1",
        "AV1 intra, libaom and dav1d, 4:4:4 10 bit",
        available="backends.external.availability:av1_availability",
        cost=Cost(20),
    ),
    "jpegxl": Entry(
        "backends.external.ffmpeg:JpegXl",
        "JPEG XL, libjxl through ffmpeg",
        available="backends.external.availability:jpegxl_availability",
        cost=Cost(2),
    ),
    "jpeg": Entry("backends.pillow:Jpeg", "JPEG 4:4:4, Pillow"),
    "jpeg2000": Entry(
        "backends.pillow:Jpeg2000",
        "JPEG 2000 at a fixed rate, OpenJPEG through Pillow",
        available="backends.pillow_formats:jpeg2000_availability",
    ),
    "webp": Entry(
        "backends.pillow:WebP",
        "WebP, libwebp through Pillow, 4:2:0 8 bit",
        available="backends.pillow_formats:webp_availability",
    ),
    "avif": Entry(
        "backends.pillow:Avif",
        "AVIF, libaom through Pillow, 4:4:4 8 bit",
        available="backends.pillow_formats:avif_availability",
        cost=Cost(4),
    ),
    "bpda": Entry(
        "backends.bpda:Bpda",
        "a codec without gradients, seen through those of a named surrogate",
        cost=Cost(2, 4),
    ),
    "identity": Entry("backends.pillow:Identity", "lossless PNG: what no codec does to a picture"),
    "toy": Entry(
        "backends.toy:Toy", "linear unary code with closed-form optima, for tests", cost=Cost(1, 1)
    ),
}
