"""The codecs that ship with the harness, by name.

To add one, write a module in this package and add an entry here. This module imports only
`bench.entry`, and the modules of availability checks import neither torch nor NumPy: codecs are
imported when they are used.
"""

import warnings

from bench.entry import Cost, Entry

warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)  # raised inside CompressAI

_FIXED_RATE = {
    "bmshj2018-factorized": ("factorized prior, Ballé et al. 2018", Cost(4, 2)),
    "bmshj2018-factorized-relu": ("factorized prior with ReLU instead of GDN", Cost(4, 2)),
    "bmshj2018-hyperprior": ("scale hyperprior, Ballé et al. 2018", Cost(4, 2)),
    "mbt2018-mean": ("mean-scale hyperprior, Minnen et al. 2018", Cost(4, 2.5)),
    "mbt2018": ("joint autoregressive and hierarchical prior, Minnen et al. 2018", Cost(60, 4)),
    "cheng2020-anchor": ("Cheng et al. 2020 without attention", Cost(60, 6)),
    "cheng2020-attn": ("Cheng et al. 2020 with attention", Cost(60, 7)),
}

_FROM_CHECKPOINTS = {
    "cheng2020-anchor-checkerboard": (
        "Cheng et al. 2020 with checkerboard context, He et al. 2021",
        Cost(8, 6),
    ),
    "elic2022-official": (
        "ELIC with uneven channel groups, He et al. 2022; own weights",
        Cost(12, 9),
    ),
    "elic2022-chandelier": ("ELIC as simplified by Chandelier 2023; own weights", Cost(12, 9)),
}

_VARIABLE_RATE = {
    "bmshj2018-hyperprior-vbr": (
        "variable-rate scale hyperprior, eight levels, Kamisli et al. 2024",
        Cost(5, 4),
    ),
    "mbt2018-mean-vbr": ("variable-rate mean-scale hyperprior, eight levels", Cost(5, 4.5)),
    "mbt2018-vbr": (
        "variable-rate joint autoregressive and hierarchical prior, eight levels",
        Cost(60, 6),
    ),
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
        "CompressAI model class of a module that `plugins:` names, with a checkpoint",
        cost=Cost(8, 6),
    ),
    "vvc": Entry(
        "backends.external.ffmpeg.codecs:Vvc",
        "H.266/VVC intra by libvvenc and ffmpeg's decoder, 4:2:0, 10 bit",
        available="backends.external.availability:vvc_availability",
        cost=Cost(20),
    ),
    "vtm": Entry(
        "backends.external.vtm:Vtm",
        "H.266/VVC intra by the reference software VTM, 4:4:4, 10 bit",
        available="backends.external.availability:vtm_availability",
        cost=Cost(250),
    ),
    "h266": Entry(
        "backends.external.h266:h266",
        "H.266/VVC intra by VTM where BENCH_VTM names it, else as vvc; 4:2:0, 10 bit",
        available="backends.external.availability:h266_availability",
        cost=Cost(25),
    ),
    "hevc": Entry(
        "backends.external.ffmpeg.codecs:Hevc",
        "H.265/HEVC intra by x265 and ffmpeg's decoder, 4:4:4, 10 bit",
        available="backends.external.availability:hevc_availability",
        cost=Cost(5),
    ),
    "av1": Entry(
        "backends.external.ffmpeg.codecs:Av1",
        "AV1 intra by libaom and dav1d, 4:4:4, 10 bit",
        available="backends.external.availability:av1_availability",
        cost=Cost(10),
    ),
    "svt-av1": Entry(
        "backends.external.ffmpeg.codecs:SvtAv1",
        "AV1 intra by SVT-AV1 and dav1d, 4:2:0, 10 bit",
        available="backends.external.availability:svt_av1_availability",
        cost=Cost(8),
    ),
    "jpegxl": Entry(
        "backends.external.ffmpeg.codecs:JpegXl",
        "JPEG XL by libjxl through ffmpeg",
        available="backends.external.availability:jpegxl_availability",
        cost=Cost(2),
    ),
    "jpeg": Entry("backends.pillow:Jpeg", "baseline JPEG through Pillow, 4:4:4"),
    "mozjpeg": Entry(
        "backends.mozjpeg:MozJpeg",
        "progressive JPEG by MozJPEG through libvips, 4:4:4",
        packages=("pyvips", "pyvips-binary"),
        install="pip install 'codec-robustness-bench[mozjpeg]'",
    ),
    "jpeg2000": Entry(
        "backends.pillow:Jpeg2000",
        "JPEG 2000 at a fixed rate by OpenJPEG through Pillow",
        available="backends.pillow_formats:jpeg2000_availability",
    ),
    "webp": Entry(
        "backends.pillow:WebP",
        "WebP by libwebp through Pillow, 4:2:0, 8 bit",
        available="backends.pillow_formats:webp_availability",
    ),
    "avif": Entry(
        "backends.pillow:Avif",
        "AVIF by libaom through Pillow, 4:4:4, 8 bit",
        available="backends.pillow_formats:avif_availability",
        cost=Cost(4),
    ),
    "command": Entry(
        "backends.external.command:Command",
        "any encoder and decoder, as two command lines with {placeholders}",
        runs_programs=True,
        cost=Cost(10),
    ),
    "bpda": Entry(
        "backends.bpda:Bpda",
        "codec without gradients, with the gradients of a named surrogate (BPDA)",
        cost=Cost(2, 4),
    ),
    "identity": Entry("backends.pillow:Identity", "lossless reference: PNG"),
    "toy": Entry(
        "backends.toy:Toy",
        "linear unary code with closed-form optimal attacks, for tests",
        cost=Cost(1, 1),
    ),
}
