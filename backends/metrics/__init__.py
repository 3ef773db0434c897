"""The metrics that a suite can add to the scores of every evaluation, by name.

To add one, write a module in this package and add an entry here. The type is `bench.metric`; the
scores that every evaluation has live in `bench.metrics`.
"""

from bench.entry import Entry

_EXTRA = "pip install 'codec-robustness-bench[perceptual]'"
_READING = "pip install 'codec-robustness-bench[reading]'"

METRICS: dict[str, Entry] = {
    "ciede2000": Entry(
        "backends.metrics.colour:Ciede2000",
        "mean perceptual colour difference CIEDE2000",
        paper="doi.org/10.1002/col.20070",
    ),
    "error-bands": Entry(
        "backends.metrics.error_bands:ErrorBands",
        "mean squared error of coding in one third of the spectrum",
        paper="arXiv 2307.08657",
    ),
    "generations": Entry(
        "backends.metrics.generations:Generations",
        "PSNR that is lost in further generations of coding",
        paper="doi.org/10.1145/3394171.3413680",
    ),
    "bit-errors": Entry(
        "backends.metrics.bit_errors:BitErrors",
        "share of the bitstreams with random bit errors that cannot be decoded",
    ),
    "bit-error-psnr": Entry(
        "backends.metrics.bit_errors:BitErrorPsnr",
        "PSNR of the bitstreams with random bit errors that can be decoded",
    ),
    "generation-rate": Entry(
        "backends.metrics.generations:GenerationRate",
        "rate of a further generation of coding",
        paper="doi.org/10.1145/3394171.3413680",
    ),
    "cvvdp": Entry(
        "backends.metrics.visible_difference:Cvvdp",
        "ColorVideoVDP, quality on a desktop display, 10 for identity",
        paper="doi.org/10.1145/3658144",
        packages=("cvvdp",),
        install=f"{_EXTRA} and pip install --no-deps cvvdp==0.5.7",
    ),
    "ssimulacra2": Entry(
        "backends.metrics.visible_difference:Ssimulacra2",
        "similarity over six scales in XYB, 100 for identity",
        paper="github.com/cloudinary/ssimulacra2",
        packages=("ssimulacra2",),
        install=_EXTRA,
    ),
    "haarpsi": Entry(
        "backends.metrics.similarity:HaarPsi",
        "similarity of Haar wavelets, 1 for identity",
        paper="doi.org/10.1016/j.image.2017.11.001",
        packages=("piq",),
        install=_EXTRA,
    ),
    "gmsd": Entry(
        "backends.metrics.similarity:Gmsd",
        "deviation of the similarity of gradients, 0 for identity",
        paper="doi.org/10.1109/TIP.2013.2293423",
        packages=("piq",),
        install=_EXTRA,
    ),
    "vif": Entry(
        "backends.metrics.similarity:Vif",
        "visual information fidelity in the pixel domain, 1 for identity",
        paper="doi.org/10.1109/TIP.2005.859378",
        packages=("piq",),
        install=_EXTRA,
    ),
    "st-lpips": Entry(
        "backends.metrics.deep_features:StLpips",
        "shift-tolerant LPIPS, distance of deep features, 0 for identity",
        paper="arXiv 2207.13686",
        packages=("stlpips-pytorch", "ipython", "torchsummary"),
        install=_EXTRA,
    ),
    "flip": Entry(
        "backends.metrics.visible_difference:Flip",
        "mean difference seen when pictures alternate, 0 for identity",
        paper="doi.org/10.1145/3406183",
        packages=("flip-evaluator",),
        install=_EXTRA,
    ),
    "xpsnr": Entry(
        "backends.metrics.xpsnr:Xpsnr",
        "PSNR of YCbCr with errors weighted by their visibility, by ffmpeg",
        paper="doi.org/10.1109/ICASSP40776.2020.9054089",
        available="backends.metrics.xpsnr:unavailable",
        versions="backends.metrics.xpsnr:versions",
    ),
    "codes-read": Entry(
        "backends.metrics.reading:CodesRead",
        "read rate of bar codes such as QR and EAN, by zxing-cpp",
        paper="github.com/zxing-cpp/zxing-cpp",
        packages=("zxing-cpp",),
        install=_READING,
    ),
    "words-read": Entry(
        "backends.metrics.reading:WordsRead",
        "share of the words that OCR still reads, by RapidOCR",
        paper="ISRI TR-96-01",
        packages=("rapidocr", "onnxruntime", "opencv-python-headless"),
        install=_READING,
    ),
}
