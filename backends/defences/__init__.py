"""The defences that ship with the harness, by name.

To add one: write a file in this folder, and a line here.
"""

from bench.entry import Entry

DEFENCES: dict[str, Entry] = {
    "flip": Entry(
        "backends.defences.rearrangements:Flip", "mirrored before coding, and back after it"
    ),
    "rotate": Entry(
        "backends.defences.rearrangements:Rotate", "turned by a quarter, a half, three"
    ),
    "roll": Entry("backends.defences.rearrangements:Roll", "moved down and right, round the edges"),
    "reorder": Entry("backends.defences.rearrangements:Reorder", "red, green and blue exchanged"),
    "random-ensemble": Entry(
        "backends.defences.rearrangements:RandomEnsemble",
        "a random flip, turn, roll and colour order",
    ),
    "self-ensemble": Entry(
        "backends.defences.rearrangements:SelfEnsemble",
        "the one of eight flips and turns with the lowest MSE",
        paper="arXiv 2112.08691",
    ),
    "two-way": Entry(
        "backends.defences.rearrangements:TwoWay",
        "as it is or under one random flip or turn, whichever costs less",
        paper="arXiv 2401.11902",
    ),
    "bit-depth": Entry(
        "backends.defences.filters:BitDepth", "fewer bits a value", paper="arXiv 1704.01155"
    ),
    "resize": Entry("backends.defences.filters:Resize", "made smaller, then larger again"),
    "gaussian": Entry("backends.defences.filters:Gaussian", "smoothed by a Gaussian"),
    "median": Entry(
        "backends.defences.filters:Median",
        "the median of each neighbourhood",
        paper="arXiv 1704.01155",
    ),
    "bilateral": Entry(
        "backends.defences.filters:Bilateral", "smoothed where alike", paper="ICCV 1998"
    ),
    "recode": Entry(
        "backends.defences.recompress:Recode",
        "through another codec first, such as JPEG or VVC",
        paper="arXiv 1608.00853",
    ),
    "denoise": Entry(
        "backends.defences.denoise:Denoise", "denoised by a small net", paper="arXiv 1712.02976"
    ),
    "diffuse": Entry(
        "backends.defences.diffuse:Diffuse",
        "noised and denoised by a diffusion model of yours",
        paper="arXiv 2205.07460",
    ),
    "refine": Entry(
        "backends.defences.refine:Refine",
        "latents improved for each picture, CompressAI models",
        paper="arXiv 1906.01223",
    ),
}
