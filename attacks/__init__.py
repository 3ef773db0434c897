"""The attacks and objectives that ship with the harness, by name.

To add one: write a class in a file of this folder, and a line here.
"""

from bench.entry import Entry

ATTACKS: dict[str, Entry] = {
    "uniform-noise": Entry("attacks.noise:UniformNoise", "a random picture of the ball"),
    "gaussian-noise": Entry("attacks.noise:GaussianNoise", "Gaussian noise, brought inside"),
    "sign-noise": Entry("attacks.noise:SignNoise", "the full radius in a random direction"),
    "colour-shift": Entry("attacks.colour_shift:ColourShift", "every pixel moved by one colour"),
    "best-noise": Entry("attacks.noise:BestNoise", "the best of many draws of noise, by queries"),
    "fgsm": Entry("attacks.gradient.pgd:FGSM", "one gradient step", paper="arXiv 1412.6572"),
    "ifgsm": Entry("attacks.gradient.pgd:IFGSM", "iterated FGSM, or BIM", paper="arXiv 1607.02533"),
    "mifgsm": Entry(
        "attacks.gradient.pgd:MIFGSM", "iterated FGSM with momentum", paper="arXiv 1710.06081"
    ),
    "pgd": Entry(
        "attacks.gradient.pgd:PGD", "projected gradient, random starts", paper="arXiv 1706.06083"
    ),
    "apgd": Entry(
        "attacks.gradient.apgd:APGD", "PGD that finds its own step size", paper="arXiv 2003.01690"
    ),
    "ftda": Entry(
        "attacks.gradient.ftda_cw:FTDA",
        "Adam up the objective inside an MSE cap, back outside",
        paper="arXiv 2112.08691",
    ),
    "cw": Entry(
        "attacks.gradient.ftda_cw:CarliniWagner",
        "Adam on a Lagrangian whose weight is searched",
        paper="arXiv 1608.04644",
    ),
    "madc": Entry(
        "attacks.gradient.madc:MADC",
        "gradient ascent along the sphere of one MSE",
        paper="doi.org/10.1167/8.12.8",
    ),
    "square": Entry(
        "attacks.query.square:Square",
        "random search with squares, by queries",
        paper="arXiv 1912.00049",
    ),
    "nes": Entry(
        "attacks.query.nes_spsa:NES", "gradients estimated from queries", paper="arXiv 1804.08598"
    ),
    "spsa": Entry(
        "attacks.query.nes_spsa:SPSA",
        "Adam on gradients estimated from queries",
        paper="arXiv 1802.05666",
    ),
    "evolution": Entry(
        "attacks.query.evolution:Evolution",
        "the best of smooth mutations, by queries, again and again",
    ),
    "ssah": Entry(
        "attacks.gradient.frequency:SSAH", "Adam on the finest wavelets", paper="arXiv 2203.05151"
    ),
    "dct": Entry(
        "attacks.gradient.frequency:DCT",
        "Adam on low frequencies of blocks",
        paper="arXiv 1809.08758",
    ),
    "recolour": Entry(
        "attacks.gradient.recolour:Recolour",
        "one smooth transform of all colours",
        paper="arXiv 1906.00001",
    ),
    "korhonen": Entry(
        "attacks.gradient.masked:Korhonen",
        "Adam on what is changed where the picture is busy",
        paper="doi.org/10.1145/3552469.3555715",
    ),
    "patch": Entry(
        "attacks.gradient.masked:Patch",
        "Adam on one rectangle of the picture",
        paper="arXiv 1801.02608",
    ),
    "universal": Entry(
        "attacks.gradient.universal:Universal",
        "one change for all pictures, learnt on others",
        paper="arXiv 1610.08401",
    ),
}

OBJECTIVES: dict[str, Entry] = {
    "distortion": Entry("attacks.objectives.basic:Distortion", "MSE of the reconstruction"),
    "ms-ssim": Entry("attacks.objectives.basic:MsSsim", "1 - MS-SSIM of the reconstruction"),
    "rate": Entry("attacks.objectives.basic:Rate", "bits per pixel"),
    "hyper-rate": Entry("attacks.objectives.basic:HyperRate", "bits per pixel of the hyper-latent"),
    "rd": Entry("attacks.objectives.basic:RateDistortion", "bpp + lambda 255^2 MSE"),
    "rate-at-quality": Entry(
        "attacks.objectives.tradeoffs:RateAtQuality", "bits, at the clean quality"
    ),
    "distortion-at-rate": Entry(
        "attacks.objectives.tradeoffs:DistortionAtRate", "MSE, at the clean rate"
    ),
    "target": Entry(
        "attacks.objectives.targeted:Targeted", "- MSE to a given picture, whole or in one place"
    ),
}

ENSEMBLES: dict[str, Entry] = {
    "standard": Entry(
        "attacks.standard:Standard", "attacks that complement each other, the worst case counting"
    ),
}
