"""The attacks and objectives that ship with the harness, by name.

To add one: write a class in a file of this folder, and a line here.
"""

from bench.entry import Entry

ATTACKS: dict[str, Entry] = {
    "uniform-noise": Entry("attacks.noise:UniformNoise", "a random picture of the ball"),
    "gaussian-noise": Entry("attacks.noise:GaussianNoise", "Gaussian noise, brought inside"),
    "sign-noise": Entry("attacks.noise:SignNoise", "the full radius in a random direction"),
    "colour-shift": Entry("attacks.shift:ColourShift", "every pixel moved by one colour"),
    "best-noise": Entry("attacks.noise:BestNoise", "the best of many draws of noise, by queries"),
    "fgsm": Entry("attacks.gradient:FGSM", "one gradient step", paper="arXiv 1412.6572"),
    "ifgsm": Entry("attacks.gradient:IFGSM", "iterated FGSM, or BIM", paper="arXiv 1607.02533"),
    "mifgsm": Entry(
        "attacks.gradient:MIFGSM", "iterated FGSM with momentum", paper="arXiv 1710.06081"
    ),
    "pgd": Entry(
        "attacks.gradient:PGD", "projected gradient, random starts", paper="arXiv 1706.06083"
    ),
    "apgd": Entry(
        "attacks.apgd:APGD", "PGD that finds its own step size", paper="arXiv 2003.01690"
    ),
    "ftda": Entry(
        "attacks.constrained:FTDA",
        "Adam up the objective inside an MSE cap, back outside",
        paper="arXiv 2112.08691",
    ),
    "cw": Entry(
        "attacks.constrained:CarliniWagner",
        "Adam on a Lagrangian whose weight is searched",
        paper="arXiv 1608.04644",
    ),
    "madc": Entry(
        "attacks.sphere:MADC",
        "gradient ascent along the sphere of one MSE",
        paper="doi.org/10.1167/8.12.8",
    ),
    "square": Entry(
        "attacks.square:Square", "random search with squares, by queries", paper="arXiv 1912.00049"
    ),
    "nes": Entry(
        "attacks.estimate:NES", "gradients estimated from queries", paper="arXiv 1804.08598"
    ),
    "spsa": Entry(
        "attacks.estimate:SPSA",
        "Adam on gradients estimated from queries",
        paper="arXiv 1802.05666",
    ),
    "evolution": Entry(
        "attacks.evolution:Evolution", "the best of smooth mutations, by queries, again and again"
    ),
    "ssah": Entry(
        "attacks.frequency:SSAH", "Adam on the finest wavelets", paper="arXiv 2203.05151"
    ),
    "dct": Entry(
        "attacks.frequency:DCT", "Adam on low frequencies of blocks", paper="arXiv 1809.08758"
    ),
    "recolour": Entry(
        "attacks.colour:Recolour", "one smooth transform of all colours", paper="arXiv 1906.00001"
    ),
    "korhonen": Entry(
        "attacks.masked:Korhonen",
        "Adam on what is changed where the picture is busy",
        paper="doi.org/10.1145/3552469.3555715",
    ),
    "patch": Entry(
        "attacks.masked:Patch", "Adam on one rectangle of the picture", paper="arXiv 1801.02608"
    ),
    "universal": Entry(
        "attacks.universal:Universal",
        "one change for all pictures, learnt on others",
        paper="arXiv 1610.08401",
    ),
}

OBJECTIVES: dict[str, Entry] = {
    "distortion": Entry("attacks.objectives:Distortion", "MSE of the reconstruction"),
    "ms-ssim": Entry("attacks.objectives:MsSsim", "1 - MS-SSIM of the reconstruction"),
    "rate": Entry("attacks.objectives:Rate", "bits per pixel"),
    "hyper-rate": Entry("attacks.objectives:HyperRate", "bits per pixel of the hyper-latent"),
    "rd": Entry("attacks.objectives:RateDistortion", "bpp + lambda 255^2 MSE"),
    "rate-at-quality": Entry("attacks.tradeoffs:RateAtQuality", "bits, at the clean quality"),
    "distortion-at-rate": Entry("attacks.tradeoffs:DistortionAtRate", "MSE, at the clean rate"),
    "target": Entry("attacks.targeted:Targeted", "- MSE to a given picture, whole or in one place"),
}

ENSEMBLES: dict[str, Entry] = {
    "standard": Entry(
        "attacks.standard:Standard", "attacks that complement each other, the worst case counting"
    ),
}
