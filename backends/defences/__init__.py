"""The defences that ship with the harness, by name.

To add one, write a module in this package and add an entry here. This module imports only
`bench.entry`: defences are imported when they are used.
"""

from bench.entry import Entry

DEFENCES: dict[str, Entry] = {
    "flip": Entry(
        "backends.defences.rearrangements:Flip", "mirroring before encoding, undone after decoding"
    ),
    "rotate": Entry(
        "backends.defences.rearrangements:Rotate",
        "rotation by 90, 180 or 270 degrees, undone after decoding",
    ),
    "roll": Entry(
        "backends.defences.rearrangements:Roll",
        "cyclic shift down and right, undone after decoding",
    ),
    "reorder": Entry(
        "backends.defences.rearrangements:Reorder",
        "permutation of the colour channels, undone after decoding",
    ),
    "random-ensemble": Entry(
        "backends.defences.rearrangements:RandomEnsemble",
        "random flip, rotation, cyclic shift and channel order",
    ),
    "self-ensemble": Entry(
        "backends.defences.rearrangements:SelfEnsemble",
        "the best of eight flips and rotations by the encoder's MSE",
        paper="arXiv 2112.08691",
    ),
    "two-way": Entry(
        "backends.defences.rearrangements:TwoWay",
        "the unchanged picture or one random flip or rotation, by R-D cost",
        paper="arXiv 2401.11902",
    ),
    "bit-depth": Entry(
        "backends.defences.filters:BitDepth", "reduction of the bit depth", paper="arXiv 1704.01155"
    ),
    "resize": Entry("backends.defences.filters:Resize", "downscaling and upscaling"),
    "gaussian": Entry("backends.defences.filters:Gaussian", "Gaussian blur"),
    "unsharp": Entry("backends.defences.filters:Unsharp", "unsharp masking"),
    "noise": Entry(
        "backends.defences.noise:Noise",
        "random Gaussian noise, drawn for every picture",
        paper="arXiv 1902.02918",
    ),
    "median": Entry(
        "backends.defences.filters:Median",
        "median filter",
        paper="arXiv 1704.01155",
    ),
    "bilateral": Entry(
        "backends.defences.filters:Bilateral", "bilateral filter", paper="ICCV 1998"
    ),
    "recode": Entry(
        "backends.defences.recompress:Recode",
        "compression by another codec first, such as JPEG or VVC",
        paper="arXiv 1608.00853",
    ),
    "denoise": Entry(
        "backends.defences.denoise:Denoise",
        "denoising by a small network",
        paper="arXiv 1712.02976",
    ),
    "diffuse": Entry(
        "backends.defences.diffuse:Diffuse",
        "diffusion purification by a user's diffusion model",
        paper="arXiv 2205.07460",
    ),
    "refine": Entry(
        "backends.defences.adaptation:Refine",
        "latent refinement per picture, for CompressAI models",
        paper="arXiv 1906.01223",
    ),
    "online-update": Entry(
        "backends.defences.adaptation:OnlineUpdate",
        "update of the encoder's weights per picture, for CompressAI models",
        paper="arXiv 2405.07717",
    ),
}
